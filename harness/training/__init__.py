"""Training and evaluation as plain functions."""
