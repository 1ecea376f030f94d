"""A static sweep: every architecture once, counted part by part to the integer, and resumable."""

from dataclasses import replace

import pytest
import torch
from tiny import BOTH, tiny
from torch import nn

from harness import Part, Timing, choice, loguniform, networks, one_at_a_time, sweep
from harness.components import Fusion, contexts, fusions
from harness.ledger import open_ledger
from harness.measure.by_part import ByPart
from harness.measure.static import count_static
from harness.network import assemble, deploy
from harness.sweep import Setting, architectures_of, count_all, swept_rows, time_all

SETTING = Setting(num_classes=5, size=(45, 60))
SPACE = replace(
    BOTH,
    context=choice("none", "context_embedding", "arm"),
    fusion=choice("sum", "none", Part("bga", width=choice(4, 8))),
)


def ignore(done, of):
    pass


def counted(study, folder, report=ignore):
    swept = architectures_of(study, SETTING)
    costs = count_all(swept, open_ledger(folder, make=True), SETTING, report)
    return swept_rows(swept, costs, {})


def as_a_whole(architecture, classes, size):
    with torch.device("meta"):
        return count_static(deploy(assemble(architecture, classes)), size)


@pytest.mark.parametrize("name", networks.names())
def test_counting_by_part_gives_what_counting_the_whole_gives(name):
    counter = ByPart(19, (65, 97))
    assert counter.count(networks.get(name)) == as_a_whole(networks.get(name), 19, (65, 97))


def test_what_parts_share_is_counted_the_same_in_every_company():
    counter = ByPart(5, (45, 60))
    for context in contexts:
        for fusion in (name for name in fusions if name != "none"):
            each = replace(BOTH, context=context, fusion=fusion)
            assert counter.count(each) == as_a_whole(each, 5, (45, 60)), (context, fusion)


class Normalised(Fusion):
    """A fusion that begins with a batch norm, which folds into the convolution before it."""

    def __init__(self, detail, semantic):
        super().__init__(out=semantic)
        self.norm = nn.BatchNorm2d(semantic.channels)

    def forward(self, detail, semantic):
        return self.norm(semantic)


def test_a_batch_norm_that_folds_into_another_part_is_counted_with_the_whole():
    fusions.register("normalised")(Normalised)
    # Context embedding ends in a convolution with nothing behind it.
    folds = replace(BOTH, fusion="normalised")
    assert ByPart(5, (45, 60)).count(folds) == as_a_whole(folds, 5, (45, 60))
    with torch.device("meta"):
        network = deploy(assemble(folds, 5))
    names = [name for name, each in network.named_modules() if isinstance(each, nn.BatchNorm2d)]
    assert names and not any("fusion" in name for name in names)


def test_every_combination_has_a_row_and_what_does_not_fit_says_why(tmp_path):
    rows = counted(tiny(space=SPACE), tmp_path)
    assert len(rows) == 3 * 4
    impossible = [row for row in rows if "impossible" in row]
    assert {row["factors"]["fusion"] for row in impossible} == {"none"}
    assert all("is for one path alone" in row["impossible"] for row in impossible)
    sound = [row for row in rows if "impossible" not in row]
    assert all(row["gmacs"] > row["gmacs_conv"] > 0 and row["params"] for row in sound)
    assert rows[0]["context"] == "none" and rows[0]["fusion"] == "sum"


def test_a_sweep_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", 2)
    calls = []
    count = ByPart.count

    def interrupted(self, architecture):
        calls.append(architecture)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return count(self, architecture)

    monkeypatch.setattr(ByPart, "count", interrupted)
    with pytest.raises(KeyboardInterrupt):
        counted(tiny(space=SPACE), tmp_path)
    rows = counted(tiny(space=SPACE), tmp_path)
    assert len(rows) == 12 and len(calls) == 6 + (12 - 4), "two chunks of two were kept"
    counted(tiny(space=SPACE), tmp_path)
    assert len(calls) == 14, "the third time nothing is counted"


def test_recipe_and_search_are_left_aside_and_a_range_is_refused():
    study = tiny(space=SPACE)
    holes = replace(study, recipe=replace(study.recipe, lr=loguniform(1e-3, 1e-1)))
    assert architectures_of(holes, SETTING) == architectures_of(study, SETTING)
    ranged = tiny(space=replace(BOTH, semantic=Part("semantic_branch", ratio=loguniform(0.1, 1))))
    with pytest.raises(ValueError, match="ratio"):
        architectures_of(ranged, SETTING)


def test_another_size_or_number_of_classes_is_another_key():
    study = tiny(space=BOTH)
    keys = {
        architectures_of(study, replace(SETTING, **change))[0].key
        for change in ({}, {"size": (60, 45)}, {"num_classes": 6})
    }
    assert len(keys) == 3


def test_latencies_come_in_groups_with_the_first_architecture_in_each(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "MAX_TOGETHER", 3)
    groups = []
    known = sweep.latencies_of

    def note(order):
        groups.append(list(order.given))
        return known(order)

    monkeypatch.setattr(sweep, "latencies_of", note)
    space = one_at_a_time(BOTH, fusion=["sum", "concat", "ffm"])
    swept = architectures_of(tiny(space=space), SETTING)
    timing = Timing(rounds=1, burst=1, warmup=0)
    keys = [each.key for each in swept]
    ledger = open_ledger(tmp_path, make=True)
    setting = replace(SETTING, receipts=tmp_path / "receipts")
    rows = time_all(swept, ledger, setting, timing, ignore)
    kept = {each.stem for each in (tmp_path / "receipts").iterdir()}
    assert kept == {row["latency_receipt"] for row in rows.values()} and len(kept) == 2
    assert groups == [[keys[0], keys[1], keys[2]], [keys[0], keys[3]]]
    assert rows.keys() == set(keys)
    assert rows[keys[0]]["latency_ratio"] == 1
    for key in keys:
        ratio = rows[key]["latency_ms"] / rows[key]["latency_ratio"]
        assert ratio > 0
    assert time_all(swept, ledger, setting, timing, ignore) == rows
    assert len(groups) == 2, "what is known is not timed again"
    time_all(swept[:1], ledger, setting, replace(timing, threads=2), ignore)
    assert groups[2:] == [keys[:1]]
