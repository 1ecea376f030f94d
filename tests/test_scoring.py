"""Scoring as values: what it refuses, what images it allows, what a row says of it."""

import pytest

from harness import Scoring, Study
from harness.scoring import check_fit, columns_of, stride_of
from studies.published import BISENETV2

SLIDING = {"mode": "sliding", "window": (64, 96)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mode": "slide"}, "scoring.mode 'slide'.*'sliding'"),
        ({"absent": "zero"}, "scoring.absent 'zero'"),
        ({"select": "first"}, "scoring.select 'first'"),
        ({"mode": "sliding"}, "needs a window"),
        ({"window": (64, 64)}, "need mode='sliding'"),
        ({"mode": "sliding", "window": (64, 16)}, r"at least 32, not \(64, 16\)"),
        ({"mode": "sliding", "window": (64.0, 64)}, r"not \(64.0, 64\)"),
        ({**SLIDING, "stride": (64, 97)}, r"stride \(64, 97\) would leave gaps"),
        ({**SLIDING, "stride": (0, 1)}, "scoring.stride is .* at least 1"),
        ({"scales": ()}, r"one or more different factors, not \(\)"),
        ({"scales": (1.0, 0)}, "factors"),
        ({"scales": (1.0, 1)}, "different"),
        ({"scales": 2}, "factors, not 2"),
        ({"size": (16, 64)}, "scoring.size"),
        ({"select": "best"}, "needs held_out.*not None"),
        ({"select": "best", "held_out": 0.7}, "not 0.7"),
        ({"select": "best", "held_out": True}, "not True"),
        ({"held_out": 0.7}, "a share of the train images, at most 0.5, not 0.7"),
        ({"select": "best", "held_out": 0.1, "looks": 0}, "looks .* not 0"),
        ({"looks": 5}, "looks is for select='best'"),
    ],
)
def test_what_cannot_be_scored_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Scoring(**given)


def test_a_flip_is_a_yes_or_no():
    with pytest.raises(TypeError, match="flip is True or False, not 1"):
        Scoring(flip=1)


def test_a_study_takes_a_scoring_and_nothing_else():
    with pytest.raises(TypeError, match=r"study\.scoring is Scoring"):
        Study(name="a", question="b?", space=BISENETV2, scoring="sliding")


def test_lists_are_as_good_as_tuples():
    assert Scoring(scales=[1.0, 2.0], size=[64, 64]) == Scoring(scales=(1.0, 2.0), size=(64, 64))


def test_a_window_or_view_that_does_not_fit_is_refused_by_its_scale():
    check_fit(Scoring(**SLIDING), (64, 96))
    with pytest.raises(ValueError, match=r"window 64x96 is larger than the image, which is 64x95"):
        check_fit(Scoring(**SLIDING), (64, 95))
    with pytest.raises(ValueError, match=r"which is 48x72 at scale 0.5"):
        check_fit(Scoring(**SLIDING, scales=(1.0, 0.5)), (96, 144))
    with pytest.raises(ValueError, match=r"scale 0.25 gives images of 16x32"):
        check_fit(Scoring(scales=(0.25,)), (64, 128))
    check_fit(Scoring(size=(128, 128), scales=(0.25,)), (64, 64))


def test_windows_lie_two_thirds_apart_unless_told():
    assert stride_of(Scoring(**SLIDING)) == (42, 64)
    assert stride_of(Scoring(**SLIDING, stride=(64, 1))) == (64, 1)
    assert stride_of(Scoring()) is None


def test_a_row_says_all_of_it():
    plain = columns_of(Scoring(), (360, 480))
    assert plain == {
        "scoring_size": "360x480",
        "scoring_mode": "whole",
        "scoring_window": None,
        "scoring_stride": None,
        "scoring_scales": "1",
        "scoring_flip": False,
        "scoring_absent": "exclude",
        "scoring_select": "last",
        "scoring_held_out": None,
    }
    rich = Scoring(**SLIDING, size=(128, 192), scales=(0.5, 1.25), select="best", held_out=0.1)
    said = columns_of(rich, (360, 480))
    assert (said["scoring_size"], said["scoring_window"]) == ("128x192", "64x96")
    assert (said["scoring_stride"], said["scoring_scales"]) == ("42x64", "0.5, 1.25")
    assert (said["scoring_select"], said["scoring_held_out"]) == ("best", 0.1)
