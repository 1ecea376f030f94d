"""LaTeX tables of names of any length and script are no wider than an article's line."""

import pytest
from made_up import noisy, study_of
from test_report_latex import typeset

from reports.ablation import ablation_table
from reports.booktabs import TOO_WIDE, tabular
from reports.breaking import broken, pieces
from reports.effects import effects
from reports.effects_table import effects_table
from reports.letters import width
from reports.rows import frame
from reports.tables import candidates_table, latex
from reports.verdict import judge

FOUR = {"miou": "max", "pixel_accuracy": "max", "latency_ms": "min", "activations": "min"}
LONG = (
    "semantic_branch_parts_one",
    "detail_branch_component_xyz",
    "aggregation_layer_kinds",
    "auxiliaryheadsweightsabcd",
)


def changed(components, values, name="{}={}"):
    """A baseline and each component changed to each value."""
    base = dict.fromkeys(components, "v0")
    made = {name.format(c, v): {**base, c: v} for c in components for v in values}
    return {"full": base, **made}


STUDIES = {
    "spans": changed(LONG, ("v1", "v2")),
    "settings": {
        f"fusion={f},context={c}": {"fusion": f, "context": c}
        for f in ("concat", "bga", "ffm")
        for c in ("ppm", "none")
    },
    "seven": changed(
        [f"detail_branch_or_head{i}" for i in range(6)], ("x",), "bisenetv2_small_without_{}{}"
    ),
    "capitals": changed([f"WMWM{i}WMWMWMWM" for i in range(4)], ("WWW", "MMMM"), "WWMM{}MMWW{}"),
    "other script": changed([f"部品日本{i}" for i in range(4)], ("日本", "語"), "融合層上下文{}{}"),
}


def tables(parts, seeds, busy, objectives):
    rows = noisy({name: 0.4 - 0.01 * i for i, name in enumerate(parts)}, seeds, sd=0.02)
    rows = [{**each, "latency_contended": busy} for each in rows]
    study = study_of(rows, baseline=next(iter(parts)), **objectives)
    for entry in study["plan"]:
        entry["parts"], entry["factors"] = parts[entry["candidate"]], {}
    verdict = judge(study, frame(study, rows))
    found = effects(verdict)
    shown = (
        ablation_table(verdict, found),
        candidates_table(verdict, found),
        effects_table(found),
    )
    return [latex(each) for each in shown if each]


@pytest.mark.parametrize("parts", STUDIES.values(), ids=STUDIES)
def test_tables_of_long_names_fit_the_line_of_an_article(parts, tmp_path):
    made = [
        each
        for objectives in ({}, {"objectives": FOUR})
        for busy in (False, True)
        for each in tables(parts, 8, busy, objectives)
    ]
    assert not any(TOO_WIDE in each for each in made)
    assert r"Overfull \hbox" not in typeset("pdflatex", "\n\n\\newpage ".join(made), tmp_path)


def wide_table(number):
    rows = [("candidate", *["accuracy (%)"] * number), ("a_net", *["40.0 ± 0.4 (8)"] * number)]
    return tabular(rows, numeric=(False, *[True] * number), bold=(False,))


def test_a_table_that_no_layout_fits_says_what_helps_and_that_helps(tmp_path):
    made = wide_table(20)
    assert made.splitlines()[1] == TOO_WIDE and "resizebox" in TOO_WIDE
    assert TOO_WIDE not in wide_table(3)
    assert "graphicx" in made.splitlines()[0]
    rest = made[made.index(r"\begingroup") :]
    shrunk = rf"\resizebox{{\linewidth}}{{!}}{{{rest}}}"
    assert r"Overfull \hbox" not in typeset("pdflatex", shrunk, tmp_path)


def test_a_heading_over_columns_is_broken_where_it_is_wider_than_they():
    rows = [("a", "b", "x"), ("1", "2", "some words" * 2)]
    numeric = (True, True, False)
    short, long = (
        tabular(rows, numeric=numeric, bold=(False,), spans=((name, 2), ("", 1)))
        for name in ("ab", "semantic_branch_of_the_network")
    )
    assert r"\multicolumn{2}{c}{ab}" in short
    assert r"\multicolumn{2}{c}{\shortstack[c]{semantic\_\\branch\_" in long


def test_letters_are_as_wide_as_they_are_printed():
    assert width("0123456789") == 10
    assert width("WW") > width("mm") > width("nn") > width("ii")
    assert width("é") == width("e\N{COMBINING ACUTE ACCENT}") == width("e")
    assert width("日") == width("U+65E5")


def test_a_letter_is_not_parted_from_its_accent():
    word = "n" * 10 + "ne\N{COMBINING ACUTE ACCENT}" * 4
    parts = pieces(word)
    assert len(parts) > 1
    assert not any(each.startswith("\N{COMBINING ACUTE ACCENT}") for each in parts)
    assert "".join(parts) == "n" * 10 + "né" * 4


def test_words_of_a_heading_are_broken_only_where_they_are_too_wide():
    assert broken("latency (ms)", 20) == ["latency (ms)"]
    assert broken("activations (M)", 5) == ["activations", "(M)"]
    lines = broken("a_long_component_name", 5, longest=6)
    assert lines == ["a_", "long_", "compo", "nent_", "name"]
    assert broken("", 5) == [""]
