"""Built-in data sets: importing this module registers them."""

from harness.data import camvid, streets

__all__ = ["camvid", "streets"]
