"""A part is checked when it is registered and when it is built; messages name class and file."""

from abc import ABC, abstractmethod
from typing import Literal

import pytest

from harness import Part
from harness.registry import Registry


class Shape(ABC):
    """The contract of this test: something with an area."""

    @abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    """A part with an option of each type."""

    def __init__(  # noqa: PLR0913 - one of each
        self,
        unit: float,
        *,
        side: int = 2,
        scale: float = 1.0,
        filled: bool = True,
        colour: str = "red",
        edge: Literal["round", "sharp"] = "sharp",
        border: int | None = None,
        holes: tuple[int, ...] = (),
    ) -> None:
        self.options = (side, scale, filled, colour, edge, border, holes)
        self.unit = unit

    def area(self) -> float:
        return self.unit


@pytest.fixture
def shapes():
    registry = Registry("shape", Shape, ("unit",))
    registry.register("square")(Square)
    return registry


def refusal(registry, cls, name="other"):
    with pytest.raises((TypeError, ValueError)) as caught:
        registry.register(name)(cls)
    assert name not in registry or registry.get(name) is not cls
    return str(caught.value)


def test_registering_returns_the_class_and_names_are_sorted(shapes):
    assert shapes.register("abacus")(Square) is Square
    assert shapes.names() == tuple(shapes) == ("abacus", "square")
    assert "square" in shapes
    assert "circle" not in shapes


def test_a_name_that_is_taken_is_refused_naming_both(shapes):
    class Second(Square):
        pass

    said = refusal(shapes, Second, "square")
    assert "the name is taken by Square in" in said
    assert said.startswith("shape 'square' (") and "Second in " in said
    assert said.count(__file__) == 2


def test_a_class_that_is_not_of_the_contract_is_refused(shapes):
    said = refusal(shapes, type("Loose", (), {"__init__": lambda self, unit: None}))
    assert said.startswith("shape 'other' (Loose in ")
    assert said.endswith("must subclass Shape")


def test_an_abstract_class_is_refused_with_what_it_lacks(shapes):
    class Half(Shape):
        def __init__(self, unit):
            pass

    said = refusal(shapes, Half)
    assert f"Half in {__file__}" in said
    assert said.endswith("does not define area")


@pytest.mark.parametrize("inputs", ["self", "self, size", "self, unit, more", "self, *unit"])
def test_wrong_inputs_are_refused_with_the_right_ones(shapes, inputs):
    init = eval(f"lambda {inputs}: None")
    said = refusal(shapes, type("Odd", (Square,), {"__init__": init}))
    assert "Odd in" in said
    assert said.endswith("a shape takes (unit), then options after a *")


def test_a_positional_option_is_refused(shapes):
    class Positional(Square):
        def __init__(self, unit, side=2):
            pass

    assert "takes (unit, side=2); a shape takes (unit)" in refusal(shapes, Positional)


def test_an_option_without_a_default_is_refused(shapes):
    class Bare(Square):
        def __init__(self, unit, *, side):
            pass

    said = refusal(shapes, Bare)
    assert said.endswith("option 'side' has no default")
    assert f"Bare in {__file__}" in said


def test_free_keywords_are_refused(shapes):
    class Loose(Square):
        def __init__(self, unit, **anything):
            pass

    assert "__init__ takes (unit, **anything)" in refusal(shapes, Loose)


def test_a_misspelt_name_is_answered_with_the_nearest(shapes):
    with pytest.raises(KeyError) as caught:
        shapes.get("sqare")
    assert caught.value.args[0] == "unknown shape 'sqare'. Did you mean 'square'? Known: square"


def test_a_name_far_from_all_lists_the_known_ones(shapes):
    with pytest.raises(KeyError) as caught:
        shapes.get("xyz")
    assert caught.value.args[0] == "unknown shape 'xyz'. Known: square"


def test_an_unknown_option_is_refused_with_those_there_are(shapes):
    with pytest.raises(KeyError) as caught:
        shapes.build(Part("square", sied=3), 1.0)
    said = caught.value.args[0]
    assert "option of shape 'square'" in said
    assert "Did you mean 'side'?" in said
    assert "side, scale, filled, colour, edge, border, holes" in said


WRONG = [
    ("side", 2.5, "int"),
    ("side", True, "int"),
    ("side", "2", "int"),
    ("side", None, "int"),
    ("scale", "1", "float"),
    ("scale", False, "float"),
    ("filled", 1, "bool"),
    ("colour", 3, "str"),
    ("border", "3", r"int | None"),
    ("border", 2.0, r"int | None"),
    ("border", True, r"int | None"),
    ("holes", 3, "tuple[int, ...]"),
    ("holes", ("a",), "tuple[int, ...]"),
]


@pytest.mark.parametrize(("option", "value", "spelt"), WRONG)
def test_a_value_of_the_wrong_type_is_refused(shapes, option, value, spelt):
    with pytest.raises(TypeError) as caught:
        shapes.build(Part("square", **{option: value}), 1.0)
    said = f"option {option!r} of shape 'square' is {spelt}, not {value!r}"
    assert str(caught.value) == said


def test_a_value_that_is_not_one_of_the_literals_is_refused(shapes):
    with pytest.raises(ValueError, match=r"Did you mean 'round'\? Known: round, sharp"):
        shapes.build(Part("square", edge="rouund"), 1.0)


@pytest.mark.parametrize(
    ("option", "value"),
    [("scale", 2), ("border", None), ("border", 3), ("holes", (1, 2)), ("edge", "round")],
)
def test_a_value_of_a_right_type_is_kept(shapes, option, value):
    resolved = shapes.resolve(Part("square", **{option: value}))
    assert dict(resolved.options)[option] == value


def test_resolving_writes_every_option_out(shapes):
    assert dict(shapes.resolve(Part("square", side=3)).options) == {
        **shapes.options("square"),
        "side": 3,
    }


def test_building_passes_inputs_and_options(shapes):
    square = shapes.build(Part("square", side=3, holes=[1, 2]), 5.0)
    assert square.area() == 5.0
    assert square.options == (3, 1.0, True, "red", "sharp", None, (1, 2))
