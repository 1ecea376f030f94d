"""The papers' tables as data: importing this makes all of them known."""

from studies.papers import bisenetv1, bisenetv2, bisenetv2_results

__all__ = ["bisenetv1", "bisenetv2", "bisenetv2_results"]
