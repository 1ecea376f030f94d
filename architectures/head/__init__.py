"""Heads: a feature becomes logits."""
