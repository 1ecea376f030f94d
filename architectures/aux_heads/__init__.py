"""Placements of training-only heads."""
