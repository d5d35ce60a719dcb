"""What both servers of this project stand on: guards, limits, language, problems, templates."""
