"""`trainer serve`: the page and the API that answer for a photo."""
