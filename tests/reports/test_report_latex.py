"""Tables as LaTeX, the ablation's layout, and CSV that no spreadsheet takes for formulas."""

import csv as plain_csv
import io
import re
import shutil
import subprocess

import pytest
from made_up import noisy, row, study_of
from rich.console import Console

import reports
from reports.ablation import MOST_COLUMNS, ablation_table
from reports.booktabs import tabular
from reports.effects import effects
from reports.effects_table import effects_table
from reports.latex import escaped
from reports.paper import paper_files
from reports.rows import frame
from reports.spreadsheet import harmless, spreadsheet
from reports.tables import candidates_table, csv, latex, markdown, terminal
from reports.verdict import judge

SCRIPT, PART, FORMULA = "<script>alert(1)</script>", "a_b%{}", '=HYPERLINK("x")|1'
NASTY = "_ % & # $ { } ~ ^ \\ < > | \" -- '' ?` [x] * Zürich Łódź 日本 Ω \u202e \u0301 \U0001d6fc"
BASE = {"detail": "thin", "semantic": "deep", "fusion": "bga", "aux_heads": "v2"}
PARTS = {
    "full": BASE,
    SCRIPT: {**BASE, "fusion": "sum"},
    FORMULA: {**BASE, "fusion": PART},
    NASTY: {**BASE, "aux_heads": "none"},
    "alone": {**BASE, "semantic": "none", "fusion": "none"},
}


def judged(parts=PARTS, seeds=3, **fields):
    rows = noisy({name: 0.4 - 0.03 * i for i, name in enumerate(parts)}, seeds, sd=0.001)
    study = {**study_of(rows, **{"baseline": "full", **fields}), "name": SCRIPT}
    for entry in study["plan"]:
        entry["parts"], entry["factors"] = parts[entry["candidate"]], {}
    return study, rows, judge(study, frame(study, rows))


def all_tables():
    _, _, verdict = judged()
    found = effects(verdict)
    return ablation_table(verdict, found), effects_table(found), candidates_table(verdict, found)


def test_a_component_has_a_column_of_check_marks_for_each_of_its_values():
    table, *_ = all_tables()
    assert table.headings[:5] == ("semantic", "bga", "sum", PART, "aux_heads")
    assert table.spans[:3] == (("", 1), ("fusion", 3), ("", 1)), "detail is the same in all"
    marks = [[bool(cell) for cell in line.cells[:5]] for line in table.lines]
    assert marks == [
        [True, True, False, False, True],
        [True, False, True, False, True],
        [True, False, False, True, True],
        [True, True, False, False, False],
        [False, False, False, False, True],
    ]
    assert table.headings[5:] == (
        "mIoU (%) ± CI",
        "Δ (points) ± CI",
        "resolved",
        "GMACs",
        "latency (ms)",
    )
    first, second = table.lines[:2]
    assert re.fullmatch(r"\d\d\.\d ± \d\.\d", first.cells[5])
    assert first.cells[6:8] == ("baseline", "\N{EN DASH}")
    assert re.fullmatch("\N{MINUS SIGN}[23]\\.\\d ± \\d\\.\\d", second.cells[6])
    assert second.cells[7] == "(\N{CHECK MARK})", "three seeds cannot pass flipping signs"


ALIKE = {"full": BASE, "less": {**BASE, "fusion": "sum"}, "same": {**BASE, "aux_heads": "none"}}


def marked(seeds):
    """The ablation of one change that does much and one that does nothing."""
    means = {"full": 0.4, "less": 0.3, "same": 0.4}
    rows = noisy(means, seeds, sd=0.002, luck=1)
    study = study_of(rows, baseline="full")
    for entry in study["plan"]:
        entry["parts"], entry["factors"] = ALIKE[entry["candidate"]], {}
    return study, rows, judge(study, frame(study, rows))


@pytest.mark.parametrize(
    ("seeds", "mark", "word", "said"),
    [
        (
            8,
            "\N{CHECK MARK}",
            "resolved",
            "told from noise by Student's test and by flipping signs",
        ),
        (3, "(\N{CHECK MARK})", "resolved if noise is normal", "by Student's test alone"),
    ],
)
def test_the_marks_of_an_ablation_say_what_the_effects_say(seeds, mark, word, said, tmp_path):
    study, rows, verdict = marked(seeds)
    found = effects(verdict)
    assert [each.word for each in found.rows] == [word, "not resolved"]
    table = ablation_table(verdict, found)
    place = table.headings.index("resolved")
    assert [line.cells[place] for line in table.lines] == ["\N{EN DASH}", mark, ""]
    assert f"{mark} means {word}: {said}" in table.note
    assert table.note.startswith("± CI is the half-width of a 95 % interval over seeds. ")
    assert table.note.endswith("; no mark means not resolved.")
    files = reports.write(study, rows, tmp_path, formats=["md", "csv", "latex"]).files
    texts = {kind: files[f"ablation.{kind}"].read_text() for kind in ("md", "csv", "tex")}
    assert f"| {mark} |" in texts["md"] and f",{mark}," in texts["csv"]
    assert texts["tex"].count(f"& {escaped(mark)} & 0.060") == 1
    assert table.note in texts["md"]
    below = texts["tex"].partition(r"\end{tabular}")[2]
    assert r"\footnotesize" in below and escaped(table.note) in below


def test_what_a_change_without_spread_does_has_no_mark():
    rows = [row(name, 0, 0.4 - 0.1 * i) for i, name in enumerate(("full", "less"))]
    study = study_of(rows, baseline="full")
    verdict = judge(study, frame(study, rows))
    table = ablation_table(verdict, effects(verdict))
    place = table.headings.index("resolved")
    assert [line.cells[place] for line in table.lines] == ["\N{EN DASH}"] * 2
    assert table.note == "\N{EN DASH} means that no spread is known."
    assert "mIoU (%)" in table.headings, "without an interval"


def test_what_no_check_mark_tells_apart_keeps_its_name_and_many_values_are_written_out():
    parts = {f"c{i}": {"head": f"h{i}", "fusion": f"f{i % 3}"} for i in range(8)}
    _, _, verdict = judged(parts, baseline=None)
    table = ablation_table(verdict, None)
    assert table.headings[:4] == ("head", "f0", "f1", "f2")
    assert [line.cells[0] for line in table.lines] == [f"h{i}" for i in range(8)]
    assert "resolved" not in table.headings, "no baseline, no difference"
    twins = {"a": {"head": "h"}, "b": {"head": "h"}}
    assert ablation_table(judged(twins)[2], None).headings[0] == "candidate"


def test_there_are_never_more_columns_of_check_marks_than_a_page_holds():
    kinds = ("detail", "semantic", "context", "fusion", "head")
    parts = {f"c{i}": {kind: f"{kind}{(i + 2) % 4}" for kind in kinds} for i in range(4)}
    table = ablation_table(judged(parts)[2], None)
    assert sum(wide for _, wide in table.spans) - 3 <= MOST_COLUMNS


def test_one_candidate_or_a_large_search_is_no_ablation():
    assert ablation_table(judged({"full": BASE})[2], None) is None
    assert ablation_table(judged({f"c{i}": BASE for i in range(41)}, seeds=1)[2], None) is None


def test_the_table_is_a_tabular_whose_rows_all_have_its_columns():
    for table in all_tables():
        lines = latex(table).splitlines()
        named = re.fullmatch(r"% \\usepackage{(array,booktabs,[a-z,]+)}", lines[0])[1].split(",")
        assert ("tabularx" in named) == (r"\begin{tabularx}" in latex(table))
        assert ("graphicx" in named) == (r"\rotatebox" in latex(table))
        rules = [lines.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
        assert rules == sorted(rules)
        for line in lines[rules[1] - 1 : rules[2]]:
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(table.headings) - 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b%{}", r"a\_b\%\{\}"),
        ("&#$", r"\&\#\$"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("<script>", r"\textless{}script\textgreater{}"),
        ("[1]*", "{[}1{]}{*}"),
        ("---", "-{}-{}-"),
        ("\N{MINUS SIGN}1 ± 2", r"{$-$}1 {$\pm$} 2"),
        ("é Ő ß", r"\'{e} \H{O} \ss{}"),
        ("日", r"{\ifdefined\Uchar\char26085 \else U+65E5\fi}"),
        ("a\nb", "a b"),
    ],
)
def test_what_a_user_named_is_printed_and_not_obeyed(text, written):
    assert escaped(text) == written


ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
NOTE = next(iter(paper_files(all_tables()[0], ()).values()))
PAPER = r"""\documentclass{article}\usepackage{array,booktabs,tabularx,amssymb,graphicx}
\begin{document}\setlength{\parindent}{0pt}%s\end{document}"""


def typeset(engine, body, folder):
    """What an engine prints on the way to paper.pdf."""
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    (folder / "paper.tex").write_text(PAPER % body, encoding="utf-8")
    quietly = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        [engine, *quietly, "paper.tex"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")
    return done.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_tables_compile(engine, tmp_path):
    body = "\n\n".join([*map(latex, all_tables()), NOTE, escaped(NASTY)])
    typeset(engine, body, tmp_path)


MANY = {
    "full": {f"part{i}": "v2" for i in range(6)},
    **{f"part{i}=guided_aggregation": {f"part{i}": f"x{j}" for j in range(6)} for i in range(6)},
}


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("parts", [ALIKE, MANY], ids=["few", "many"])
def test_tables_fit_the_line_of_an_article(parts, busy, tmp_path):
    rows = noisy({name: 0.4 - 0.001 * i for i, name in enumerate(parts)}, 5, sd=0.02)
    rows = [{**each, "latency_contended": busy} for each in rows]
    study = study_of(rows, baseline="full")
    for entry in study["plan"]:
        entry["parts"], entry["factors"] = parts[entry["candidate"]], {}
    files = reports.write(study, rows, tmp_path).files
    tables = [
        files[f"{name}.tex"].read_text() for name in ("table", "ablation", "effects", "fronts")
    ]
    assert "; takes" in tables[2], "no verdict here is long"
    assert "Overfull" not in typeset("pdflatex", "\n\n".join(tables), tmp_path)


def test_a_name_without_a_place_to_break_is_broken_and_reads_the_same():
    name, words = "x" * 40, "a sentence that is too long for one line of a paper"
    made = tabular([("a", "b"), (words, name)], numeric=(False, False), bold=(False,))
    assert name not in made and name in made.replace(r"\allowbreak{}", "")


def test_names_stay_in_their_cells_in_markdown():
    for table in all_tables():
        lines = markdown(table).splitlines()
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.headings) + 1}
        assert "<script>" not in markdown(table)
    assert r"\$ { } \~ ^" in markdown(all_tables()[2])


def test_an_underscore_is_escaped_where_it_would_set_italics():
    line = markdown(candidates_table(judged({"full": BASE, "_a_b_": BASE})[2])).splitlines()[3]
    assert r"| \_a_b\_ |" in line


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1"])
def test_no_cell_starts_a_formula(text):
    assert harmless(text) == f"'{text}"
    head, line = plain_csv.reader(io.StringIO(spreadsheet({text: [text]})))
    assert (head, line) == ([f"'{text}"], [f"'{text}"])


@pytest.mark.parametrize("value", ["-1.5", "+2e-3", "a=b", -3, None, 0.25, "", True])
def test_numbers_and_other_text_stay_as_they_are(value):
    assert harmless(value) is value


def test_csv_has_the_numbers_of_the_same_record():
    _, changes, candidates = all_tables()
    read = [list(plain_csv.DictReader(io.StringIO(csv(each)))) for each in (changes, candidates)]
    assert [line["change"] for line in read[0]] == [SCRIPT, f"'{FORMULA}", NASTY, "alone"]
    assert [line["candidate"] for line in read[1]] == [
        "full",
        SCRIPT,
        f"'{FORMULA}",
        NASTY,
        "alone",
    ]
    assert float(read[1][0]["miou_mean"]) == pytest.approx(0.4, abs=0.005)
    assert float(read[0][0]["mean"]) == pytest.approx(-0.03, abs=0.005)


def test_the_terminal_has_the_ablation_in_80_columns():
    parts = {"full": BASE, "a": {**BASE, "fusion": "sum"}, "b": {**BASE, "aux_heads": "none"}}
    _, _, verdict = judged(parts)
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(terminal(ablation_table(verdict, effects(verdict))))
    text = console.file.getvalue()
    assert "latency (ms)" in text and text.count("\N{CHECK MARK}") >= 4
    assert max(map(len, text.splitlines())) <= 80


def test_every_file_of_a_study_called_script_is_safe(tmp_path):
    study, rows, _ = judged()
    files = reports.write(study, rows, tmp_path).files
    for name in ("ablation", "table", "effects", "fronts"):
        assert r"\begin{tabular" in files[f"{name}.tex"].read_text()
        assert SCRIPT not in files[f"{name}.md"].read_text()
    for name in ("table.csv", "trials.csv", "effects.csv", "fronts.csv"):
        lines = plain_csv.reader(io.StringIO(files[name].read_text(), newline=""))
        cells = [cell for line in lines for cell in line]
        assert not [cell for cell in cells if cell.startswith("=")]
        assert f"'{FORMULA}" in cells


def test_one_seed_has_no_interval():
    rows = [row("full", 0, 0.4), row("less", 0, 0.3)]
    verdict = judge(study_of(rows), frame(study_of(rows), rows))
    assert [line.cells[-3] for line in ablation_table(verdict, None).lines] == ["40.0", "30.0"]


def test_columns_that_are_wrapped_share_a_line():
    words = "a sentence that is too long for one line of a paper"
    one = tabular([("name", "x"), ("a", words)], numeric=(False, False), bold=(False,))
    assert one.count(r"\arraybackslash}X") == 1 and r"{\linewidth}" in one
    many = tabular([("name", *"xyz"), ("a", *[words] * 3)], numeric=(False,) * 4, bold=(False,))
    shares = [float(each) for each in re.findall(r"hsize=([\d.]+)", many)]
    assert shares == [1, 1, 1]
