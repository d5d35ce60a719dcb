"""What a person keeps: stars and notes on photos, and collections of them."""
