"""Holes are filled one by one or all, and a hole inside an alternative is open only there."""

import pytest

from harness import Architecture, Part, Recipe, choice, integer, loguniform, uniform
from harness.architecture import as_slot
from harness.holes import Range
from harness.space import fill, fillings, holes


def net(**changes):
    return Architecture(**{"detail": "d", "semantic": "s", **changes})


def test_without_holes_there_is_one_filling():
    assert list(fillings(net())) == [({}, net())]


def test_every_combination_comes_once_the_last_hole_fastest():
    space = net(fusion=choice("sum", "bga"), head=Part("seg", width=choice(8, 16)))
    answers = [tuple(each.values()) for each, _ in fillings(space)]
    assert answers == [("sum", "8"), ("sum", "16"), ("bga", "8"), ("bga", "16")]


def test_fillings_are_the_filled_architectures():
    space = net(fusion=choice("sum", "bga"))
    assert [filled for _, filled in fillings(space)] == [net(fusion="sum"), net(fusion="bga")]


def test_a_hole_inside_an_alternative_is_open_only_under_it():
    space = net(fusion=choice("sum", Part("ffm", reduction=choice(1, 2, 4)), "bga"))
    assert [str(filled.fusion) for _, filled in fillings(space)] == [
        "sum",
        "ffm(reduction=1)",
        "ffm(reduction=2)",
        "ffm(reduction=4)",
        "bga",
    ]
    answers = [each for each, _ in fillings(space)]
    assert answers[0] == {"fusion": "sum"}
    assert answers[1] == {"fusion": "ffm", "fusion.ffm.reduction": "1"}


def test_a_hole_behind_a_conditional_one_is_met_under_each_alternative():
    space = net(detail=choice(Part("d", width=choice(4, 8)), "none"), head=choice("seg", "linear"))
    assert [(str(f.detail), str(f.head)) for _, f in fillings(space)] == [
        ("d(width=4)", "seg"),
        ("d(width=4)", "linear"),
        ("d(width=8)", "seg"),
        ("d(width=8)", "linear"),
        ("none", "seg"),
        ("none", "linear"),
    ]


def test_alternatives_nest():
    inner = choice(Part("b", x=choice(1, 2)), "c")
    space = net(fusion=choice("a", Part("wrap", inside=inner)))
    assert [str(filled.fusion) for _, filled in fillings(space)] == [
        "a",
        "wrap(inside=b(x=1))",
        "wrap(inside=b(x=2))",
        "wrap(inside=c)",
    ]


def test_holes_stand_in_recipes_and_tuples_too():
    recipe = Recipe(lr=choice(0.1, 0.01), dataset=Part("streets", sizes=(choice(1, 2), 3)))
    found = [(filled.lr, dict(filled.dataset.options)["sizes"]) for _, filled in fillings(recipe)]
    assert sorted(found) == [(0.01, (1, 3)), (0.01, (2, 3)), (0.1, (1, 3)), (0.1, (2, 3))]
    assert list(holes(recipe)) == ["dataset.streets.sizes[0]", "lr"]


def test_a_range_cannot_be_enumerated():
    with pytest.raises(ValueError, match=r"^lr is loguniform\(0.001, 0.1\).*give the study a"):
        list(fillings(Recipe(lr=loguniform(1e-3, 1e-1))))


def test_filling_asks_for_each_open_place_by_its_path():
    asked = {}

    def ask(path, hole):
        asked[path] = hole
        return hole.values[-1] if path == "fusion" else hole.low

    space = net(fusion=choice("sum", Part("ffm", reduction=integer(1, 4))))
    assert fill(space, ask).fusion == Part("ffm", reduction=1)
    assert asked["fusion.ffm.reduction"] == Range(1, 4, integer=True)


def test_a_filled_architecture_has_no_holes():
    space = net(fusion=choice("sum", Part("ffm", reduction=choice(1, 2))))
    assert list(holes(space)) == ["fusion"]
    assert all(holes(filled) == {} for _, filled in fillings(space))


def test_an_answer_with_open_options_is_named_by_its_part():
    space = net(fusion=choice(Part("ffm", width=8, reduction=choice(1, 2)), Part("sum", width=8)))
    named = [answers["fusion"] for answers, _ in fillings(space)]
    assert named == ["ffm", "ffm", "sum(width=8)"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: choice(), "needs at least one value"),
        (lambda: choice("a", "b", "a"), "'a' twice"),
        (lambda: net(fusion=choice("sum", Part("sum"))), "given Part\\('sum'\\) twice"),
        (lambda: uniform(2, 1), "low < high, not 2 and 1"),
        (lambda: uniform(0, float("inf")), "finite bounds"),
        (lambda: loguniform(0, 1), "positive lower bound, not 0"),
    ],
)
def test_holes_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Part(""), "a part is named by a non-empty string, not ''"),
        (lambda: Part("ffm", width={1: 2}), "option 'width' of part 'ffm' is a dict"),
        (lambda: net(fusion=3), "fusion is a int; it must be a part's name"),
        (lambda: as_slot(choice("a", 3), "head"), "head is a int"),
    ],
)
def test_what_is_no_part_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_parts_are_equal_whatever_the_order_and_kind_of_their_options():
    assert Part("p", a=1, b=[1, 2]) == Part("p", b=(1, 2), a=1)
    assert hash(Part("p", a=[1])) == hash(Part("p", a=(1,)))
    assert Part("p", a=1).replace(a=2, b=3) == Part("p", a=2, b=3)


@pytest.mark.parametrize("part", [Part("seg"), Part("seg", width=8, names=("a", "b"), x=None)])
def test_a_part_is_written_as_it_is_read(part):
    assert eval(repr(part)) == part


def test_an_open_architecture_has_no_parts_yet():
    with pytest.raises(ValueError, match=r"fusion is still open: choice\(sum, bga\)"):
        net(fusion=choice("sum", "bga")).parts()


def test_fillings_share_what_is_filled_alike():
    """A key is then written once for all candidates that have the same part."""
    space = net(head=Part("seg", width=choice(8, 16)), fusion=choice("sum", "bga"))
    filled = [each for _, each in fillings(space)]
    assert len({id(each.head) for each in filled}) == 2 < len(filled)


def test_what_is_filled_alike_is_not_taken_for_what_is_filled_otherwise():
    """Also inside a tuple, which is made anew each time, and inside an alternative."""
    odd = Part("odd", a=choice(1, 2), b=(choice(1, 2), Part("x", y=choice(3, 4))))
    spelt = [repr(each) for _, each in fillings(odd)]
    assert len(set(spelt)) == len(spelt) == 2 * 2 * 2


def test_more_fillings_than_are_remembered_are_still_right(monkeypatch):
    monkeypatch.setattr("harness.space.MOST_MADE", 3)
    space = net(head=Part("seg", width=choice(*range(1, 20))))
    assert [dict(each.head.options)["width"] for _, each in fillings(space)] == [*range(1, 20)]
