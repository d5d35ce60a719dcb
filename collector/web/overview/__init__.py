"""What is held and how it came, counted and drawn."""
