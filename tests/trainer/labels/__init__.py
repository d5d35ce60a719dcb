"""Label definitions."""
