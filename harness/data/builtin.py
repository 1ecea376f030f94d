"""Built-in data sets: importing this module registers them."""

from harness.data import ade20k, camvid, cityscapes, coco_stuff, folder, streets

__all__ = ["ade20k", "camvid", "cityscapes", "coco_stuff", "folder", "streets"]
