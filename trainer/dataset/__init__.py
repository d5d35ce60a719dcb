"""Data set versions: their files, their manifest, their card."""
