"""Detail branches: the wide, shallow path."""
