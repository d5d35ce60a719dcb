"""The look-alike world: its horses, races, opinions and pictures. Pure, and always the same."""
