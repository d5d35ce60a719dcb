"""A run: one configuration, one folder."""
