"""The API for programs, its document and its shapes."""
