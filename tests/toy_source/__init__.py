"""A third site: a source that the program does not know, added by an entry point alone (docs/add-a-source.md)."""
