"""Semantic branches: the narrow, deep path."""
