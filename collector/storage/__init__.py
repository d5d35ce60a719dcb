"""Storage: tables, items, bytes under their digest, pictures, and the database."""
