"""The qualitative sheet: predictions as they were scored, where they differ, and who is right."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.confusions import matrix, read, save, sparse
from harness.data.camvid import PAINTED
from harness.data.dataset import IGNORE, LabelMap
from harness.data.side_by_side import (
    BLUE,
    ORANGE,
    PLUM,
    WIDTH,
    Picture,
    differences,
    side_by_side,
)
from harness.predicted import least_apart, likely, spaced
from harness.sheet import trials_to_show, two_best

THREE = LabelMap(name="three", classes=("a", "b", "c"), colours=((9, 0, 0), (0, 9, 0), (0, 0, 9)))


def pixels(*rows):
    return np.array(rows, np.uint8)


def picture(labels, *predicted, number=0):
    image = np.full((*labels.shape, 3), 100, np.uint8)
    return Picture(number=number, image=image, labels=labels, predicted=predicted)


LABELS = pixels([0, 0, 1, 1], [2, 2, IGNORE, IGNORE])
FIRST = pixels([0, 1, 1, 0], [2, 0, 0, 1])
SECOND = pixels([0, 0, 2, 2], [2, 0, 1, 1])


def test_a_pixel_is_coloured_by_who_has_it_right():
    one = picture(LABELS, FIRST, SECOND)
    drawn = differences(one.image, one)
    assert tuple(drawn[0, 1]) == ORANGE, "the second has it"
    assert tuple(drawn[0, 2]) == BLUE, "the first has it"
    assert tuple(drawn[0, 3]) == PLUM, "both wrong, and not alike"
    assert tuple(drawn[0, 0]) == tuple(drawn[1, 1]) == (190, 190, 190), "alike, right or wrong"
    assert tuple(drawn[1, 2]) == (20, 20, 20), "not labelled"


def test_shares_are_of_labelled_pixels():
    one = picture(LABELS, FIRST, SECOND)
    assert one.differ == 3 / 6
    assert (one.right(0), one.right(1)) == (3 / 6, 3 / 6)
    alone = picture(LABELS, FIRST)
    assert alone.differ == 3 / 6
    assert tuple(differences(alone.image, alone)[0, 1]) == ORANGE
    assert picture(np.full((2, 2), IGNORE, np.uint8), LABELS[:, :2]).differ == 0


def test_of_three_the_first_is_set_against_all_others():
    one = picture(LABELS, FIRST, SECOND, LABELS % 3)
    drawn = differences(one.image, one)
    assert tuple(drawn[0, 3]) == ORANGE, "the third has it"
    assert one.differ == 4 / 6


def test_matrices_bound_from_below_how_many_pixels_differ():
    dice, num = np.random.default_rng(0), 3
    for _ in range(50):
        labels, *said = dice.integers(0, num, (4, 200))
        counts = [np.bincount(labels * num + each, minlength=9).reshape(3, 3) for each in said]
        apart = [np.mean(one != other) for one, other in itertools.combinations(said, 2)]
        assert least_apart(counts[:2]) <= apart[0]
        assert 0 < least_apart(counts) <= max(apart)
        assert least_apart(counts[:1]) == pytest.approx(np.mean(said[0] != labels))


def test_likely_images_are_those_with_the_largest_bound():
    same, other = np.diag([5, 5]), np.array([[0, 5], [5, 0]])
    first = sparse(("a", "b"), range(4), np.stack([same] * 4))
    second = sparse(("a", "b"), range(4), np.stack([same, other, same, same]))
    assert likely([first, second], 4) == [1, 0, 2, 3]
    assert likely([first, None], 4) == [0, 2, 1, 3]


def test_neighbours_come_only_where_there_is_nobody_else():
    assert spaced([5, 6, 4, 9, 0], 2, 3) == [5, 9, 0]
    assert spaced([5, 6, 4], 9, 2) == [5, 6]
    assert spaced([2, 1, 0], 0, 2) == [2, 1]


def test_the_sheet_has_a_column_a_network_and_takes_labels_of_any_size():
    wide = picture(np.repeat(LABELS, 8, 1), np.repeat(FIRST, 8, 1), np.repeat(SECOND, 8, 1))
    names = ["a" * 300, "b"]
    sheet = side_by_side([picture(LABELS, FIRST, SECOND), wide], names, THREE, "t" * 999)
    assert sheet.width == 5 * (WIDTH + 8) + 8
    alone = side_by_side([wide], ["b"], THREE, "title")
    assert alone.width == 4 * (WIDTH + 8) + 8
    assert (np.asarray(alone) != 255).any()


def rows(**done):
    return [
        {"candidate": name, "seed": seed, "state": "done", "miou": score, "key": f"{name}{seed}"}
        for name, scores in done.items()
        for seed, score in scores.items()
    ]


def test_long_names_leave_the_key_to_be_read_and_keep_their_ends(monkeypatch):
    written = []
    monkeypatch.setattr("harness.data.overlay.write", lambda *a: written.append((a[1], a[2])))
    monkeypatch.setattr("harness.data.side_by_side.write", lambda *a: written.append((a[1], a[2])))
    names = [f"fusion=guided aggregation, head.seg.width={width}" for width in (8, 16)]
    side_by_side([picture(LABELS, FIRST, SECOND)], names, THREE, "title")
    key = [(place, text) for place, text in written if "right" in text and "is" in text]
    assert len({left for (left, _), _ in key}) == 1, "below each other"
    assert len({top for (_, top), _ in key}) == len(key) == 2
    cut = [text for _, text in written if text.startswith("fusion=") and "..." in text]
    assert len(set(cut)) == 2 and cut[0].endswith("=8") and cut[1].endswith("=16")


def test_one_seed_that_all_have_is_shown():
    known = rows(a={0: 0.3, 1: 0.4}, b={1: 0.5, 2: 0.5}, c={3: 0.6})
    assert [row["key"] for row in trials_to_show(known, ["a", "b"], None)] == ["a1", "b1"]
    assert two_best(known, None) == ["c", "b"]
    assert two_best(known, "a") == ["a", "c"]
    assert two_best([], None) == []
    for names, seed, said in (
        (["a", "c"], None, "a, c were not all done with one seed; seeds of all: none"),
        (["a", "b"], 2, r"not all done with seed 2; seeds of all: \[1\]"),
        ([], None, "nothing is predicted"),
    ):
        with pytest.raises(ValueError, match=said):
            trials_to_show(known, names, seed)
    with pytest.raises(KeyError, match="unknown candidate 'd'"):
        trials_to_show(known, ["d"], None)
    failed = [*known, {"candidate": "f", "seed": 0, "state": "failed"}]
    with pytest.raises(ValueError, match="no trial of candidate 'f' was done"):
        trials_to_show(failed, ["f"], None)


def test_a_study_that_ran_gets_its_sheet_and_says_what_is_missing(twopath, write_study, tmp_path):
    study = write_study(fusions='"sum", "concat"')
    assert "no ledger at" in twopath("sheet", study).err
    twopath("run", study)
    found = json.loads(twopath("sheet", study, "--images", 1, "--json").out)
    assert sorted(found["candidates"]) == ["concat", "sum"]
    assert (found["num_images"], len(found["images"]), found["notes"]) == (2, 1, [])
    drawn = np.asarray(Image.open(found["sheet"]))
    assert Path(found["sheet"]) == Path("runs/reports/tiny/sheet.png")
    assert drawn.shape[1] == 5 * (WIDTH + 8) + 8

    twopath("report", "tiny")
    page = Path("runs/reports/tiny/report.html").read_text()
    assert "On images" in page and "data:image/jpeg;base64," in page
    assert not Path("runs/reports/tiny/sheet.md").exists(), "a picture has no words of its own"

    told = twopath("sheet", study, "--candidates", "sum", "--out", "mine.png")
    assert told.code == 0 and "wrong on" in told.out and Path("mine.png").is_file()
    wrong = twopath("sheet", study, "--out", "mine.doc")
    assert wrong.code == 2 and "ends in .png, .jpg" in wrong.err
    assert "unknown candidate 'sun'" in twopath("sheet", study, "--candidates", "sun").err

    folder = _folder_of(twopath, "sum")
    kept = read(folder / "confusions.npz")
    moved = np.stack([np.roll(matrix(kept, place), 1, axis=1) for place in range(2)])
    (folder / "confusions.npz").unlink()
    note = twopath("sheet", study, "--candidates", "sum").out
    assert "its confusion matrices are gone" in note
    save(sparse(kept.classes, range(2), moved), folder / "confusions.npz")
    assert "are gone" in twopath("sheet", study, "--candidates", "sum").out, "another sha256"
    (folder / "weights.pt").unlink()
    lost = twopath("sheet", study, "--candidates", "sum")
    assert lost.code == 2 and "copy that folder here" in lost.err


def _folder_of(twopath, name):
    known = json.loads(twopath("report", "tiny", "--json").out)["rows"]
    return Path("runs/trials") / next(row["folder"] for row in known if row["candidate"] == name)


def test_predictions_that_were_not_scored_are_told(twopath, write_study):
    study = write_study(steps=3)
    twopath("run", study)
    (folder,) = Path("runs/trials").iterdir()
    state = torch.load(folder / "weights.pt", weights_only=True)
    moved = {
        key: value.roll(1, 0)
        for key, value in state.items()
        if key.startswith("head.") and value.ndim
    }
    assert moved
    torch.save({**state, **moved}, folder / "weights.pt")
    assert "are not as they were scored" in twopath("sheet", study).out


def test_camvid_is_painted_in_its_own_colours():
    assert PAINTED[3] == (128, 64, 128) and len(PAINTED) == 11
    plain = LabelMap(name="three", classes=("a", "b", "c"))
    assert repr(plain) == repr(THREE) and plain == THREE, "colours are in no fingerprint"
