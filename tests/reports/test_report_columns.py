"""The one table of figures and how they are written."""

import pytest

from harness.study import DIRECTIONS
from reports.columns import FIGURES, MISSING, minus, plain, protocol_of


def test_every_figure_a_study_may_aim_at_can_be_shown():
    assert set(FIGURES) == set(DIRECTIONS)
    assert all(FIGURES[key].direction == way for key, way in DIRECTIONS.items())


def test_miou_is_percent_with_one_decimal():
    assert FIGURES["miou"].text(0.35249) == "35.2"
    assert FIGURES["miou"].with_unit(0.35249) == "35.2\N{NO-BREAK SPACE}%"
    assert FIGURES["miou"].difference(-0.0123) == "\N{MINUS SIGN}1.2"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_missing_is_a_dash(value):
    assert FIGURES["latency_ms"].text(value) == MISSING
    assert FIGURES["latency_ms"].number(value) is None


def test_nothing_is_written_as_minus_zero():
    assert minus("-0.0") == "0.0"
    assert minus("+0.0") == "0.0"
    assert minus("-0.1") == "\N{MINUS SIGN}0.1"


def test_text_of_users_is_one_line_without_control_characters():
    assert plain("a\n b\x1b[31mc") == "a b\N{REPLACEMENT CHARACTER}[31mc"


def test_accuracy_latency_and_cost_each_have_their_own_protocol():
    keys = {key: {c.key for c in protocol_of(key)} for key in FIGURES}
    assert "label_map" in keys["miou"]
    assert {"latency_device", "latency_boundary", "latency_size"} <= keys["latency_ms"]
    assert "cost_size" in keys["gmacs"]
    assert not keys["miou"] & keys["latency_ms"]
