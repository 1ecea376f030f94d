"""Our figures are those of the Cityscapes scripts, on the same files."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from harness.data.dataset import IGNORE, Dataset, LabelMap
from harness.scoring import Scoring
from harness.training.evaluate import evaluate

theirs = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")

ID = {label.trainId: label.id for label in theirs.labels if 0 <= label.trainId < IGNORE}
TRAIN_ID = np.full(256, IGNORE, np.uint8)
for _train_id, _id in ID.items():
    TRAIN_ID[_id] = _train_id
NAMES = tuple(theirs.id2label[ID[number]].name for number in range(len(ID)))
SIZE = (32, 48)


class Drawn(Dataset):
    """Masks given as label ids; images whose brightness is 13 times the class to be predicted."""

    label_map = LabelMap(name="cityscapes-19", classes=NAMES)
    size = SIZE

    def __init__(self, ids, predicted):
        self.ids, self.predicted = ids, predicted

    def count(self, split):
        return len(self.ids)

    def load(self, split, index):
        grey = self.predicted[index].astype(np.uint8) * 13
        return np.stack([grey] * 3, axis=2), TRAIN_ID[self.ids[index]]

    def fingerprint(self):
        return "drawn"


class Brightness(nn.Module):
    """Reads the class from the brightness."""

    def forward(self, images):
        number = ((images[:, :1] * 0.229 + 0.485) * 255 / 13).round()
        return -(number - torch.arange(len(NAMES)).reshape(1, -1, 1, 1)).abs()


def ours(ids, predicted, absent):
    return evaluate(
        Brightness().eval(), Drawn(ids, predicted), device="cpu", scoring=Scoring(absent=absent)
    )


def of_the_scripts(ids, predicted, folder, monkeypatch):
    """What their evaluation says of PNG files of label ids."""
    for name, value in {
        "evalInstLevelScore": False,
        "JSONOutput": False,
        "quiet": True,
    }.items():
        monkeypatch.setattr(theirs.args, name, value)
    to_id = np.array([ID[number] for number in range(len(ID))], np.uint8)
    files = {"truth": ids, "guess": [to_id[each] for each in predicted]}
    for kind, arrays in files.items():
        for number, each in enumerate(arrays):
            Image.fromarray(each).save(folder / f"{kind}{number}.png")
    paths = {
        kind: [str(folder / f"{kind}{number}.png") for number in range(len(ids))] for kind in files
    }
    return theirs.evaluateImgLists(paths["guess"], paths["truth"], theirs.args)


def drawn(known, seed, wrong=0.3):
    """Three masks of label ids, ignored ones among them, and predictions that are partly wrong."""
    dice = np.random.default_rng(seed)
    ids = np.array([*known, 0, 4, 9, 10], np.uint8)[
        dice.integers(0, len(known) + 4, (3, *SIZE), dtype=np.uint8)
    ]
    guess = TRAIN_ID[np.array(known)][dice.integers(0, len(known), (3, *SIZE))]
    truth = TRAIN_ID[ids]
    right = (dice.random(truth.shape) > wrong) & (truth != IGNORE)
    return list(ids), list(np.where(right, truth, guess))


ALL = tuple(ID.values())


def assert_alike(score, scripts):
    assert score.miou == pytest.approx(scripts["averageScoreClasses"], abs=1e-6)
    for name in NAMES:
        value = scripts["classScores"][name]
        assert score.iou[name] == (None if np.isnan(value) else pytest.approx(value, abs=1e-6))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("absent", ["exclude", "cityscapes"])
def test_with_all_classes_labelled_both_rules_are_theirs(seed, absent, tmp_path, monkeypatch):
    pairs = drawn(ALL, seed)
    score = ours(*pairs, absent)
    assert score.absent == () and 0.2 < score.miou < 0.9
    assert_alike(score, of_the_scripts(*pairs, tmp_path, monkeypatch))


def test_a_class_neither_labelled_nor_predicted_is_left_out_by_all(tmp_path, monkeypatch):
    pairs = drawn(ALL[:-3], 0)
    scripts = of_the_scripts(*pairs, tmp_path, monkeypatch)
    for absent in ("exclude", "cityscapes"):
        score = ours(*pairs, absent)
        assert score.absent == NAMES[-3:]
        assert_alike(score, scripts)


def test_a_class_that_is_only_predicted_is_nought_by_their_rule(tmp_path, monkeypatch):
    ids, predicted = drawn(ALL[:-1], 0)
    ids[0][:3], predicted[0][:3] = ALL[0], len(NAMES) - 1
    scripts = of_the_scripts(ids, predicted, tmp_path, monkeypatch)
    score = ours(ids, predicted, "cityscapes")
    assert_alike(score, scripts)
    assert (score.iou[NAMES[-1]], score.absent) == (0.0, ())
    left_out = ours(ids, predicted, "exclude")
    assert left_out.absent == (NAMES[-1],)
    assert left_out.miou == pytest.approx(score.miou * 19 / 18)


@pytest.mark.parametrize("absent", ["exclude", "cityscapes"])
def test_a_perfect_prediction_scores_one_with_classes_absent(absent, tmp_path, monkeypatch):
    pairs = drawn(ALL[:5], 1, wrong=0.0)
    score = ours(*pairs, absent)
    assert score.miou == 1.0
    assert_alike(score, of_the_scripts(*pairs, tmp_path, monkeypatch))
