"""Data: data sets, label maps, augmentation and the loader."""
