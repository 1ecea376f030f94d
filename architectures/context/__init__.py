"""Context modules: from a pyramid to one semantic feature."""
