"""Fusions: two features become one."""
