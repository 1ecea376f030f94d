"""The street generator: one seed, one image everywhere; thin things thin, textures shared."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import street_samples
from street_samples import content

from harness import Part
from harness.data.dataset import IGNORE, datasets
from harness.data.drawing.palette import CLASSES
from harness.data.streets import Streets

IMAGES = 150
BUILT = ("road", "promenade", "sidewalk", "building")
"""The classes of one material, which only the surroundings tell apart."""


@pytest.fixture(scope="module")
def streets():
    dataset = Streets(None)
    images, masks = zip(*(dataset.load("train", index) for index in range(IMAGES)), strict=True)
    return np.stack(images), np.stack(masks)


def histogram(streets, name):
    """How often each of 512 coarse colours is seen in a class."""
    images, masks = streets
    red, green, blue = (images[masks == CLASSES.index(name)] // 32).T.astype(int)
    counts = np.bincount(red * 64 + green * 8 + blue, minlength=512)
    return counts / counts.sum()


def distance(streets, one, other):
    """The total variation between two classes' colours: 0 if alike, 1 if never the same."""
    return abs(histogram(streets, one) - histogram(streets, other)).sum() / 2


def run_lengths(masks, name):
    """The lengths of a class's unbroken horizontal runs, in pixels."""
    inside = np.pad(masks == CLASSES.index(name), ((0, 0), (0, 0), (1, 1))).astype(np.int8)
    edges = np.diff(inside, axis=2).ravel()
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def test_another_process_draws_the_same():
    here = street_samples.samples()
    script = "import json, street_samples; print(json.dumps(street_samples.samples()))"
    path = os.pathsep.join(each for each in sys.path if each)
    there = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(there.stdout) == here


def test_the_generator_changes_only_with_its_version():
    pinned = json.loads(street_samples.GOLDEN.read_text(encoding="utf-8"))
    now = street_samples.samples()
    assert now["version"] == pinned["version"], "run python tests/data/street_samples.py"
    assert now["samples"] == pinned["samples"], "raise VERSION in harness/data/streets.py"


def test_a_pinned_version_cannot_get_another_content(tmp_path, monkeypatch):
    other = {**street_samples.samples(), "samples": {}}
    golden = tmp_path / "streets.json"
    golden.write_text(json.dumps(other))
    monkeypatch.setattr(street_samples, "GOLDEN", golden)
    with pytest.raises(SystemExit, match="raise VERSION"):
        street_samples.write()
    assert json.loads(golden.read_text()) == other


def test_an_image_depends_on_its_number_and_on_no_other_image():
    backwards, forwards = Streets(None), Streets(None)
    last_first = [content(backwards, "train", index) for index in (2, 1, 0)]
    assert last_first[::-1] == [content(forwards, "train", index) for index in range(3)]
    assert len(set(last_first)) == 3


def test_more_images_leave_the_first_ones_alone():
    assert content(Streets(None, train=5), "train", 3) == content(Streets(None), "train", 3)


def test_splits_and_seeds_share_no_image():
    hashes = [
        content(Streets(None, seed=seed), split, index)
        for seed in (0, 1)
        for split in ("train", "val")
        for index in range(10)
    ]
    assert len(set(hashes)) == len(hashes)


def test_loading_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].tolist()
    Streets(None).load("val", 0)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("size", [(32, 32), (45, 60), (96, 192), (200, 90)])
def test_image_and_mask_are_of_the_size_asked_for(size):
    image, mask = Streets(None, size=size).load("val", 0)
    assert image.shape == (*size, 3) and mask.shape == size
    assert image.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {*range(len(CLASSES)), IGNORE}


@pytest.mark.parametrize(("split", "index"), [("train", -1), ("train", 400), ("val", 40)])
def test_a_number_that_is_not_there_is_an_index_error(split, index):
    with pytest.raises(IndexError, match=f"{split} has 40.*{index}"):
        Streets(None).load(split, index)


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_is_in_both_splits(split):
    dataset = Streets(None)
    seen = [np.unique(dataset.load(split, index)[1]) for index in range(dataset.count("val"))]
    often = np.bincount(np.concatenate(seen), minlength=256)
    rare = {name: int(often[i]) for i, name in enumerate(CLASSES) if often[i] < 8}
    assert not rare, f"in fewer than 8 of {len(seen)} images"


@pytest.mark.parametrize("name", ["pole", "lane mark", "pedestrian"])
def test_thin_classes_are_thin(streets, name):
    lengths = run_lengths(streets[1], name)
    assert len(lengths) > IMAGES
    # The semantic path ends at stride 32: a third of its pixel is lost there.
    assert np.median(lengths) <= 32 / 3


def test_thin_classes_are_thin_beside_the_others(streets):
    def widest(name):
        return np.quantile(run_lengths(streets[1], name), 0.9)

    assert 3 * max(widest("pole"), widest("pedestrian")) < widest("promenade")


@pytest.mark.parametrize("one", BUILT)
@pytest.mark.parametrize("other", BUILT)
def test_colour_does_not_tell_built_things_apart(streets, one, other):
    # White marks are part of a promenade and make up a third of the most, 0.3; a car has over 0.9.
    assert distance(streets, one, other) < 0.35


@pytest.mark.parametrize("one", BUILT)
@pytest.mark.parametrize("other", ["vegetation", "car", "pole", "pedestrian"])
def test_colour_tells_the_other_classes_from_them(streets, one, other):
    assert distance(streets, one, other) > 0.8


def test_road_and_promenade_have_the_same_mean_colour(streets):
    images, masks = streets
    means = {}
    for name in ("road", "promenade"):
        inside = masks == CLASSES.index(name)
        medians = [np.median(i[m], axis=0) for i, m in zip(images, inside, strict=True) if m.any()]
        means[name] = np.mean(medians, axis=0)
    assert np.abs(means["road"] - means["promenade"]).max() < 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (31, 64)}, r"size of dataset 'streets'.*at least 32.*\(31, 64\)"),
        ({"size": (64, 64, 3)}, "height, width"),
        ({"train": 0}, "train"),
        ({"val": -1}, "val"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_that_make_no_data_set_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        datasets.build(Part("streets", **options), None)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"train": 2.5}, TypeError, "'train'.*int.*2.5"),
        ({"sizes": (64, 64)}, KeyError, "size"),
    ],
)
def test_options_of_another_kind_are_refused(options, error, said):
    with pytest.raises(error, match=said):
        datasets.build(Part("streets", **options), None)


def test_fingerprint_changes_with_every_option():
    options = [{}, {"size": (64, 64)}, {"train": 3}, {"val": 3}, {"seed": 1}]
    prints = [Streets(None, **each).fingerprint() for each in options]
    assert len(set(prints)) == len(prints)
    assert Streets(None).fingerprint() == prints[0]
