"""What is kept and where: tables, items, bytes under their digest, pictures, and the database itself."""
