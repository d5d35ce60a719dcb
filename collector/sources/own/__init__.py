"""Photos that a person has, brought with a table: see `collector import --photos`."""
