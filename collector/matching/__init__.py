"""Which horse a photo shows, and in which race."""
