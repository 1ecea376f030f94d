"""The papers' tables as data, one file a paper: importing this makes all of them known."""

from studies.papers import bisenetv1, bisenetv2

__all__ = ["bisenetv1", "bisenetv2"]
