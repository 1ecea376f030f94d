"""Scores of toys whose confusion can be counted by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from harness.data.dataset import IGNORE, Dataset, LabelMap
from harness.scoring import Scoring
from harness.training.evaluate import confusion, confusions, evaluate, scores

SIZE = (32, 40)


class Masks(Dataset):
    """Images whose red channel is 80 times the class that a network is to see there."""

    label_map = LabelMap(name="three", classes=("a", "b", "c"))
    size = SIZE

    def __init__(self, masks, seen=None):
        self.masks = masks
        self.seen = seen or masks

    def count(self, split):
        return len(self.masks) if split == "val" else 0

    def load(self, split, index):
        red = np.where(self.seen[index] == IGNORE, 0, self.seen[index] * 80).astype(np.uint8)
        return np.stack([red, red, red], axis=2), self.masks[index]

    def fingerprint(self):
        return "masks"


class Reader(nn.Module):
    """Reads a class from the brightness, and gives it the highest logit."""

    def __init__(self, num_classes=3):
        super().__init__()
        self.num_classes = num_classes
        self.batches = []

    def forward(self, image):
        self.batches.append(len(image))
        red = ((image[:, 0] * 0.229 + 0.485) * 255 / 80).round()
        centres = torch.arange(self.num_classes).reshape(1, -1, 1, 1)
        return -(red[:, None] - centres).abs()


def mask(*rows):
    """A mask of equal bands of classes."""
    return np.repeat(np.array(rows, np.uint8), SIZE[0] // len(rows))[:, None].repeat(SIZE[1], 1)


def score(masks, seen=None, **options):
    return evaluate(Reader().eval(), Masks(masks, seen), device="cpu", **options)


def test_a_perfect_prediction_scores_one():
    result = score([mask(0, 1, 2, 0), mask(2, 1)])
    assert result.miou == result.pixel_accuracy == 1.0
    assert result.iou == {"a": 1.0, "b": 1.0, "c": 1.0}
    assert (result.absent, result.num_images) == ((), 2)


def test_a_perfect_prediction_scores_one_with_an_absent_class():
    result = score([mask(0, 2)])
    assert result.miou == 1.0
    assert result.absent == ("b",)
    assert result.iou == {"a": 1.0, "b": None, "c": 1.0}


def test_an_absent_class_that_is_predicted_counts_against_the_true_one_only():
    result = score([mask(0, 0, 0, 2)], [mask(1, 0, 0, 2)])
    assert result.iou == {"a": pytest.approx(2 / 3), "b": None, "c": 1.0}
    assert result.miou == pytest.approx((2 / 3 + 1) / 2)


def test_ignored_pixels_have_no_say():
    result = score([mask(0, IGNORE, 1, IGNORE)], [mask(0, 2, 1, 2)])
    assert result.miou == 1.0
    assert sum(map(sum, result.confusion)) == SIZE[0] * SIZE[1] // 2


def test_miou_is_of_the_data_set_and_not_a_mean_of_images():
    # Of class b the first image holds a quarter, found; the second one half, missed.
    result = score([mask(1, 0, 0, 0), mask(1, 1, 0, 0)], [mask(1, 0, 0, 0), mask(0, 0, 0, 0)])
    a, b = 5 / 7, 1 / 3
    assert result.iou["a"] == pytest.approx(a) and result.iou["b"] == pytest.approx(b)
    assert result.miou == pytest.approx((a + b) / 2)
    per_image = (1.0 + (2 / 4 + 0) / 2) / 2
    assert result.miou != pytest.approx(per_image)
    assert result.pixel_accuracy == pytest.approx(6 / 8)


@pytest.mark.parametrize("batch", [1, 2, 3, 50])
def test_the_score_does_not_depend_on_the_batch(batch):
    masks = [mask(0, 1, 2, 1), mask(2, 2), mask(0), mask(1, 0), mask(2, 0)]
    seen = [mask(0, 1, 1, 1), mask(2, 0), mask(0), mask(1, 1), mask(2, 0)]
    assert score(masks, seen, batch=batch) == score(masks, seen, batch=4)


def test_confusion_has_true_rows_and_predicted_columns():
    labels = torch.tensor([[0, 0, 1, IGNORE]])
    predicted = torch.tensor([[0, 2, 1, 1]])
    counts = confusion(predicted, labels, 3)
    assert counts.dtype == torch.int64
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("predicted", "label", "said"),
    [
        (3, 0, "prediction 3 is not one of the 3"),
        (-1, 0, "prediction -1"),
        (0, 3, "label 3 is not one of the 3"),
        (0, 254, "label 254"),
    ],
)
def test_values_outside_the_classes_are_an_error(predicted, label, said):
    with pytest.raises(ValueError, match=said):
        confusion(torch.tensor([0, predicted]), torch.tensor([0, label]), 3)


def test_predictions_of_another_size_than_the_labels_are_refused():
    with pytest.raises(ValueError, match=r"predictions \(1, 3\) and labels \(1, 4\) differ"):
        confusions(torch.zeros(1, 3), torch.zeros(1, 4), 3)


def test_confusions_are_kept_apart_by_image():
    labels = torch.tensor([[[0, 1]], [[IGNORE, 2]], [[IGNORE, IGNORE]]])
    predicted = torch.tensor([[[0, 0]], [[1, 2]], [[1, 2]]])
    by_image = confusions(predicted, labels, 3)
    assert by_image.tolist() == [
        [[1, 0, 0], [1, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 1]],
        [[0] * 3] * 3,
    ]


def test_a_class_that_is_only_predicted_is_nought_by_the_cityscapes_rule():
    masks, seen = [mask(0, 0, 0, 2)], [mask(1, 0, 0, 2)]
    strict = score(masks, seen, scoring=Scoring(absent="cityscapes"))
    assert strict.iou == {"a": pytest.approx(2 / 3), "b": 0.0, "c": 1.0}
    assert (strict.absent, strict.miou) == ((), pytest.approx((2 / 3 + 0 + 1) / 3))
    assert score([mask(0, 2)], scoring=Scoring(absent="cityscapes")).absent == ("b",)


def test_a_label_outside_the_map_is_an_error_and_not_skipped():
    with pytest.raises(ValueError, match="label 3 is not one of the 3"):
        score([mask(0, 1, 3, 2)], [mask(0, 1, 2, 2)])


def test_an_odd_number_of_images_is_scored_once_each():
    model = Reader().eval()
    masks = [mask(0, 1), mask(1, 2), mask(2, 0)]
    result = evaluate(model, Masks(masks), device="cpu", batch=2)
    assert model.batches == [2, 1]
    assert sum(map(sum, result.confusion)) == 3 * SIZE[0] * SIZE[1]


def test_a_split_without_a_labelled_pixel_cannot_be_scored():
    with pytest.raises(ValueError, match="no labelled pixel"):
        scores(torch.zeros(3, 3, dtype=torch.int64), ("a", "b", "c"), 1)


def test_dataset_and_image_means_of_a_textbook_pair():
    # By image: 1 and (4/6 + 2/4) / 2, on average 0.7917. Over all pixels: 8/10 and 6/8.
    masks = [mask(0, 0, 0, 0, 1, 1, 1, 1), mask(0, 0, 0, 0, 0, 0, 1, 1)]
    seen = [masks[0], masks[0]]
    by_image = [score([one], [other]).miou for one, other in zip(masks, seen, strict=True)]
    assert sum(by_image) / 2 == pytest.approx(0.7917, abs=1e-4)
    assert score(masks, seen).miou == pytest.approx(0.775)


def test_counts_are_whole_beyond_the_reach_of_float():
    many = 2**53 + 1
    total = torch.tensor([[many, 0], [0, 1]])
    assert scores(total, ("a", "b"), 1).confusion == ((many, 0), (0, 1))


def test_scores_can_be_stored():
    result = score([mask(0, 2)])
    assert json.loads(json.dumps(asdict(result)))["iou"] == {"a": 1.0, "b": None, "c": 1.0}


def test_a_model_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        evaluate(Reader(), Masks([mask(0)]), device="cpu")


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 32, 40\), not \(1, 3, 32, 40\)"):
        evaluate(Reader(2).eval(), Masks([mask(0)]), device="cpu")


def test_logits_of_another_size_are_refused():
    model = nn.Sequential(Reader(), nn.AvgPool2d(2)).eval()
    with pytest.raises(ValueError, match=r"\(1, 3, 16, 20\), not \(1, 3, 32, 40\)"):
        evaluate(model, Masks([mask(0)]), device="cpu")


def test_logits_that_are_not_finite_are_refused():
    class Broken(Reader):
        def forward(self, image):
            return super().forward(image) * float("nan")

    with pytest.raises(FloatingPointError, match="not finite"):
        evaluate(Broken().eval(), Masks([mask(0)]), device="cpu")
