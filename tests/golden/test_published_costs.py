"""The V2 parts cost what the paper's tables say: differences between rows of its GFLOPs columns.

The tables count multiply-adds of the 512x1024 graph. The width of the head is in no table, so
whole networks can't be compared, but differences between rows can, and what comes before the head.
"""

from dataclasses import replace

import pytest
from counting import trunk_gmacs

import architectures  # noqa: F401 - registers the built-in parts
from harness import Part
from studies.published import BISENETV2

GMACS = trunk_gmacs(BISENETV2)


def semantic(**options):
    return trunk_gmacs(replace(BISENETV2, semantic=Part("semantic_branch", **options)))


def test_trunk_leaves_the_head_3_35_of_the_published_21_15():
    assert trunk_gmacs(BISENETV2) == pytest.approx(17.80, abs=0.005)


def test_one_unit_of_expansion_costs_what_table_3c_says():
    published = {1: 17.78, 2: 18.45, 4: 19.80, 6: 21.15, 8: 22.49}
    for expansion, gflops in published.items():
        added = semantic(expansion=expansion) - GMACS
        assert added == pytest.approx(0.668 * (expansion - 6), abs=0.001)
        assert added == pytest.approx(gflops - 21.15, abs=0.04)


@pytest.mark.parametrize(
    ("ratio", "added", "published"),
    [(1 / 2, 5.056, 4.69), (1 / 8, -1.295, -1.22), (1 / 16, -1.634, -1.54)],
)
def test_channel_ratio_costs_about_what_table_3a_says(ratio, added, published):
    got = semantic(ratio=ratio) - GMACS
    assert got == pytest.approx(added, abs=0.0005)
    assert got == pytest.approx(published, rel=0.08)


def test_every_step_of_d_adds_the_same_layers_at_stride_1():
    # Places, channels and layers of stages 3 to 5; a layer is 3x3, depth-wise 3x3 and 1x1 at 6C.
    stages = ((64 * 128, 32, 2), (32 * 64, 64, 2), (16 * 32, 128, 4))
    step = sum(places * 6 * c * (10 * c + 9) * layers for places, c, layers in stages) / 1e9
    assert step == pytest.approx(4.083, abs=0.0005)
    for depth in (2, 3, 4):
        assert semantic(depth=depth) - GMACS == pytest.approx((depth - 1) * step)


def test_context_embedding_costs_what_table_3b_says():
    added = GMACS - trunk_gmacs(replace(BISENETV2, context="none"))
    assert added == pytest.approx(0.0755, abs=0.00005)
    assert round(added, 2) == 0.08


def test_one_5x5_costs_as_much_as_two_3x3_to_the_digits_of_table_3b():
    added = semantic(double_dwconv=False) - GMACS
    assert added == pytest.approx(0.0096, abs=0.00005)
    assert added == pytest.approx(21.15 - 21.15, abs=0.01)


def test_gathering_by_1x1_saves_3_22_and_not_the_5_37_of_table_3b():
    """No reading that is known gives the 15.78 of that row."""
    saved = GMACS - semantic(gather_kernel=1)
    assert saved == pytest.approx(3.22, abs=0.005)
    assert saved < 21.15 - 15.78 - 2


def test_concatenation_costs_one_convolution_more_than_the_sum():
    concat, plain = (trunk_gmacs(replace(BISENETV2, fusion=name)) for name in ("concat", "sum"))
    assert concat - plain == pytest.approx(64 * 128 * 9 * 128 * 128 / 1e9)
    assert concat - plain == pytest.approx(21.98 - 20.77, abs=0.005)


def test_guided_aggregation_costs_1_738():
    one_path = {"context": "none", "fusion": "none"}
    detail = trunk_gmacs(replace(BISENETV2, semantic="none", **one_path))
    context = GMACS - trunk_gmacs(replace(BISENETV2, context="none"))
    alone = trunk_gmacs(replace(BISENETV2, detail="none", **one_path)) + context
    assert detail == pytest.approx(11.702, abs=0.0005)
    assert alone == pytest.approx(4.36, abs=0.005)
    assert GMACS - detail - alone == pytest.approx(1.738, abs=0.0005)


def test_expanding_in_the_depthwise_convolution_is_not_what_the_tables_count():
    assert semantic(expand_in="dwconv") == pytest.approx(14.78, abs=0.005)
    slope = semantic(expand_in="dwconv") - semantic(expand_in="dwconv", expansion=5)
    assert slope == pytest.approx(0.064, abs=0.0005)
