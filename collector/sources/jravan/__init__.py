"""JRA-VAN's licensed data, as databases of its converters hold them: see `collector import --jravan`."""
