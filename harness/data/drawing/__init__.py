"""Draws street scenes with their labels, from nothing but random numbers."""
