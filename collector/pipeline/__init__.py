"""From bytes to rows: what a page means is derived, decided on, stored, read again, and forgotten."""
