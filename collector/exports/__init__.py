"""What is taken out: tables with their columns, units and keys, as files, in Python and over the API."""
