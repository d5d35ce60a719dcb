"""The search for photos: its question, its results, and the views that make it fast."""
