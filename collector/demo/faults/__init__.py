"""Faults that can be switched on in the look-alike."""
