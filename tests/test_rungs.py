"""The rule at a rung: who goes on is a function of figures, and the front always does."""

import random
from dataclasses import replace

import pytest

from harness import Rungs, Scoring, Study
from harness.rungs import RULES, Standing, least_share, steps_of, why_stopped
from studies.published import BISENETV2_SMALL


def at_rung(*mious, cost=None):
    """Candidates at a rung; the more accurate ones cost as much as all others unless told."""
    return [
        Standing(name=f"c{i}", number=i, miou=miou, costs=(cost[i] if cost else 1.0,))
        for i, miou in enumerate(mious)
    ]


def going_on(standings, rungs, rung=0):
    return [each.name for each in standings if why_stopped(each, standings, rungs, rung) is None]


def test_the_upper_third_goes_on():
    nine = at_rung(*(i / 10 for i in range(9)))
    assert going_on(nine, Rungs()) == ["c6", "c7", "c8"]
    assert going_on(nine, Rungs(reduction=4)) == ["c7", "c8"]
    assert going_on(at_rung(0.1, 0.2), Rungs()) == ["c1"]
    assert going_on(at_rung(0.1), Rungs()) == ["c0"]


def test_those_that_are_not_below_the_median_go_on():
    assert going_on(at_rung(0.1, 0.2, 0.3, 0.4, 0.5), Rungs(keep="median")) == ["c2", "c3", "c4"]
    assert going_on(at_rung(0.1, 0.2, 0.3, 0.4), Rungs(keep="median")) == ["c2", "c3"]


def test_everybody_goes_on_where_rungs_are_only_looked_at():
    assert len(going_on(at_rung(0.1, 0.2, 0.3, 0.4), Rungs(keep="all"))) == 4


def test_a_small_network_is_not_stopped_for_being_less_accurate_than_a_large_one():
    standings = at_rung(0.1, 0.05, 0.6, 0.5, cost=(1.0, 2.0, 9.0, 9.0))
    assert going_on(standings, Rungs()) == ["c0", "c2"]


def test_no_member_of_the_front_is_ever_stopped():
    dice = random.Random(0)
    for _ in range(200):
        standings = [
            Standing(
                name=f"{i}",
                number=i,
                miou=dice.randrange(6) / 10,
                costs=(float(dice.randrange(4)), float(dice.randrange(4))),
            )
            for i in range(dice.randrange(1, 12))
        ]
        points = [(-each.miou, *each.costs) for each in standings]
        front = {
            one.name
            for one, point in zip(standings, points, strict=True)
            if not any(
                other != point and all(a <= b for a, b in zip(other, point, strict=True))
                for other in points
            )
        }
        for keep in RULES:
            assert front <= set(going_on(standings, Rungs(keep=keep)))


def test_who_goes_on_does_not_hang_on_the_order_of_what_is_known():
    standings = at_rung(0.3, 0.1, 0.2, 0.5, 0.4, cost=(3.0, 2.0, 3.0, 4.0, 4.0))
    mixed = [standings[i] for i in (3, 1, 4, 0, 2)]
    assert sorted(going_on(mixed, Rungs())) == going_on(standings, Rungs())


def test_a_baseline_goes_on_and_budgets_are_not_mixed():
    worst, *rest = at_rung(0.1, 0.2, 0.3, 0.4)
    assert "c0" in going_on([replace(worst, is_baseline=True), *rest], Rungs())
    assert "c0" in going_on([replace(worst, budget=("fewer steps",)), *rest], Rungs())


def test_what_has_no_accuracy_is_not_judged_and_judges_nobody():
    standings = at_rung(float("nan"), 0.1, 0.2)
    assert going_on(standings, Rungs()) == ["c0", "c2"]


def test_brackets_spare_candidates_at_the_first_rungs_in_turn():
    standings = at_rung(0.1, 0.1, 0.1, 0.1, 0.9)
    rungs = Rungs(brackets=3)
    assert going_on(standings, rungs, 0) == ["c1", "c2", "c4"]
    assert going_on(standings, rungs, 1) == ["c2", "c4"]


def test_a_reason_says_by_what_and_behind_whom():
    standings = at_rung(0.1, 0.2, 0.25)
    assert why_stopped(standings[0], standings, Rungs(), 0) == (
        "mIoU of 10.0 % on held-out images is below 25.0 %, the upper 1/3 of 3 candidates, and c1 "
        "has 20.0 % and costs no more"
    )


def test_rungs_lie_apart_and_before_the_end():
    assert steps_of(Rungs(), 90) == (10, 30)
    assert steps_of(Rungs(at=(0.07,)), 100) == (7,)
    for steps in (1, 2, 3, 4):
        with pytest.raises(ValueError, match=f"of {steps}: they must lie apart"):
            steps_of(Rungs(), steps)
    assert steps_of(Rungs(), 5) == (1, 2)


def test_the_least_share_of_all_steps():
    assert least_share(Rungs(keep="all")) == pytest.approx(1)
    assert least_share(Rungs()) == pytest.approx(1 / 9 + 2 / 9 / 3 + 2 / 3 / 9)
    assert least_share(Rungs(at=(0.5,), keep="median")) == pytest.approx(0.75)
    assert least_share(Rungs(at=(0.5,), reduction=2, brackets=2)) == pytest.approx(0.875)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at": ()}, "rising shares between 0 and 1"),
        ({"at": (0.5, 0.2)}, "rising shares"),
        ({"at": (1.0,)}, "rising shares"),
        ({"at": (5,)}, "rising shares"),
        ({"keep": "halvin"}, "Did you mean 'halving'"),
        ({"reduction": 1}, "from 2, not 1"),
        ({"keep": "median", "reduction": 4}, "is for keep='halving'"),
        ({"brackets": 4}, "from 1 to 3"),
    ],
)
def test_what_makes_no_rungs_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        Rungs(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stopping": Rungs()}, "give scoring=Scoring"),
        ({"scoring": Scoring(held_out=0.1)}, "is for select='best' or study.stopping"),
        (
            {
                "stopping": Rungs(),
                "scoring": Scoring(held_out=0.1),
                "objectives": {"gmacs": "min"},
            },
            "no objective of the study; it has gmacs",
        ),
    ],
)
def test_what_a_study_needs_for_its_rungs_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        Study(name="s", question="?", space=BISENETV2_SMALL, **given)
    with pytest.raises(TypeError, match="is Rungs"):
        Study(
            name="s",
            question="?",
            space=BISENETV2_SMALL,
            stopping=0.5,
            scoring=Scoring(held_out=0.1),
        )
