"""How the database came to its present shape, one small step a file. Run by `collector db upgrade`."""
