"""Answers for new photos: where photos come from, what a model says of them, and what it looked at."""
