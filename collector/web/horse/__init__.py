"""What the pages of a horse, a photo, a race and an issue show."""
