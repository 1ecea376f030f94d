"""Content hashes of a few streets, pinned in ``tests/golden/streets.json``.

``python tests/data/street_samples.py`` writes that file. It refuses to give a version that is
pinned already another content: rows of the ledger name the version and must stay comparable.
"""

import hashlib
import json
from pathlib import Path

from harness.data.streets import VERSION, Streets

GOLDEN = Path(__file__).parents[1] / "golden" / "streets.json"
PLACES = (("train", 0), ("train", 1), ("train", 399), ("val", 0), ("val", 39))


def content(dataset, split, index):
    """A hash of an image and its mask, shapes included."""
    whole = hashlib.sha256()
    for pixels in dataset.load(split, index):
        whole.update(f"{pixels.shape} {pixels.dtype}".encode() + pixels.tobytes())
    return whole.hexdigest()


def samples():
    """The version of the generator, and the content hash of streets of two sizes."""
    hashes = {}
    for size in ((96, 192), (50, 70)):
        dataset = Streets(None, size=size)
        for split, index in PLACES:
            hashes[f"{size[0]}x{size[1]} {split} {index}"] = content(dataset, split, index)
    return {"version": VERSION, "samples": hashes}


def write():
    """Pins what the generator draws now; SystemExit if only the version stayed what it was."""
    now = samples()
    pinned = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else None
    if pinned and pinned["version"] == VERSION and pinned != now:
        raise SystemExit(f"streets changed: raise VERSION ({VERSION}) in harness/data/streets.py")
    GOLDEN.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
