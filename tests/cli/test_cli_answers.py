"""What list, show, cost and time say: readable at 80 columns, whole elsewhere, JSON on demand."""

import io
import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from harness import cli, networks, show
from harness.costing import _doubts
from harness.measure.checked import DISAGREE
from harness.terminal import as_strict_json
from harness.timing_shown import show_latencies

COMMANDS = ("run", "report", "sweep", "paper", "list", "show", "cost", "time")


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard output a terminal of 80 columns, as far as tables are concerned."""
    monkeypatch.setattr(sys.stdout.__class__, "isatty", lambda self: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as leaving:
        cli.main([*words, "--help"])
    assert leaving.value.code == 0
    return capsys.readouterr().out


def test_alone_it_prints_help_and_says_that_this_was_not_enough(twopath):
    answer = twopath()
    assert (answer.code, answer.out) == (2, "")
    assert all(f"    {name} " in answer.err for name in COMMANDS)


def test_the_version(capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["--version"])
    assert leaving.value.code == 0
    assert capsys.readouterr().out == f"twopath {version('twopath')}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_that_can_be_typed(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    text = help_of(capsys, name)
    assert max(map(len, text.splitlines())) <= 80
    words = shlex.split(re.search(r"^example: twopath (.*)$", text, re.MULTILINE)[1])
    assert words[0] == name
    assert cli.parser().parse_args(words).command


@pytest.mark.parametrize("name", ["list", "show", "cost"])
def test_the_quick_examples_work(twopath, capsys, name):
    words = re.search(r"^example: twopath (.*)$", help_of(capsys, name), re.MULTILINE)[1]
    answer = twopath(*words.split())
    assert (answer.code, answer.err) == (0, "") and answer.out


def test_help_and_bad_words_bring_in_nothing_heavy():
    heavy = ("torch", "ray", "optuna", "pandas", "matplotlib", "sqlalchemy", "rich")
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "for words in (['--help'], ['run', '--help'], ['time', '--help'], ['--version']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "main(['run', '--workers', 'two'])\n"
        f"sys.exit(str([name for name in {heavy} if name in sys.modules]))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stderr.splitlines()[-1] == "[]"


def test_list_names_everything_once(twopath):
    found = json.loads(twopath("list", "--json").out)
    assert found["fusion"]["bga"].startswith("Gates the detail feature")
    assert set(found["network"]) == set(networks.names())
    assert found["study"]["fusion"].endswith("?")
    assert "``" not in str(found)
    lines = twopath("list").out.splitlines()
    assert len(lines) == 2 + sum(map(len, found.values()))
    for names in found.values():
        for name, about in names.items():
            assert any(f" {name} " in line and line.endswith(about) for line in lines)


def test_on_a_terminal_list_keeps_to_a_line_a_name(twopath, terminal):
    found = json.loads(twopath("list", "--json").out)
    lines = twopath("list").out.splitlines()
    assert len(lines) == 2 + sum(map(len, found.values()))
    assert max(map(len, lines)) == 80
    assert any(line.endswith("…") for line in lines)


def test_a_plugin_is_listed_and_shown_beside_the_built_in(twopath, tmp_path):
    text = (
        "from architectures.fusion.sum import Sum\n"
        "from harness.components import Fusion, fusions\n\n"
        '@fusions.register("mine")\n'
        "class Mine(Fusion):\n"
        '    """Mine alone.\n\n    It is ``mine``\n    and no one\'s.\n    """\n'
        "    def __init__(self, detail, semantic, *, depth: int = 3):\n"
        "        super().__init__(out=detail)\n"
        "    def forward(self, detail, semantic):\n"
        "        return detail\n"
    )
    (tmp_path / "mine.py").write_text(text)
    found = json.loads(twopath("list", "--json", "--plugin", "mine.py").out)
    assert found["fusion"]["mine"] == "Mine alone."
    shown = json.loads(twopath("show", "fusion.mine", "--json", "--plugin", "mine.py").out)
    assert shown == {
        "kind": "fusion",
        "name": "mine",
        "about": "Mine alone.\n\nIt is mine and no one's.",
        "options": {"depth": 3},
        "file": str(tmp_path / "mine.py"),
    }


def test_a_network_is_shown_part_by_part(twopath, terminal):
    answer = twopath("show", "bisenetv2")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert all(part in answer.out for part in ("detail_branch", "bga", "stage3 128 at 1/8"))
    parts = json.loads(twopath("show", "bisenetv2", "--json").out)["parts"]
    options = {"guide_detail": True, "guide_semantic": True, "width": None}
    fusion = {"name": "bga", "options": options, "gives": "out 128 at 1/8"}
    assert parts["fusion"] == fusion


def test_a_data_set_is_shown_with_its_options(twopath):
    lines = twopath("show", "camvid").out.splitlines()
    assert lines[0] == "dataset camvid"
    assert "  size = (360, 480)" in lines
    assert lines[-1].endswith("camvid.py")


def test_a_study_is_shown_with_its_candidates(twopath):
    found = json.loads(twopath("show", "fusion", "--json").out)
    assert found["options"]["candidates"] == ["sum", "concat", "ffm", "bga"]
    assert found["about"].endswith("?") and found["options"]["recipe.dataset"].startswith("streets")


def test_every_name_of_a_part_can_be_shown(twopath):
    for kind, registry in show.ALL_REGISTRIES.items():
        for name in registry.names():
            assert twopath("show", f"{kind}.{name}").out.startswith(f"{kind} {name}\n")


def test_costs_say_their_convention_and_what_was_left_out(twopath):
    words = ("cost", "bisenetv2_small", "bisenetv2", "--size", "64x128", "--classes", "11")
    text = twopath(*words).out
    assert "Cost of one 64x128 image, 11 classes" in text
    assert "One multiply-add = 1" in text
    assert re.search(r"^bisenetv2: not counted: .*aten::", text, re.MULTILINE)
    small, large = json.loads(twopath(*words, "--json").out)
    assert (small["network"], small["num_classes"]) == ("bisenetv2_small", 11)
    assert 0 < small["gmacs"] < large["gmacs"]
    for key in ("unfused_bytes", "inference_peak_bytes", "training_peak_bytes"):
        assert 0 < small[key] < large[key]
    assert (small["count"], small["dead_modules"]) == ("complete", [])


STRANGE = '''"""A fusion that sums up, computes something for nothing and keeps a spare weight."""
from torch import nn
from harness import Architecture, networks
from harness.components import Fusion, fusions, resize_like
from studies.published import BISENETV2_SMALL
from dataclasses import replace

@fusions.register("strange")
class Strange(Fusion):
    """Cumulative sums hide multiply-adds for all that a counter knows."""

    def __init__(self, detail, semantic):
        super().__init__(out=detail)
        self.conv = nn.Conv2d(semantic.channels, detail.channels, 1)
        self.dead = nn.Conv2d(detail.channels, 2, 1)
        self.spare = nn.Conv2d(2, 2, 1)

    def forward(self, detail, semantic):
        self.dead(detail)
        return detail.cumsum(2) + resize_like(self.conv(semantic), detail)

networks.register("strange", replace(BISENETV2_SMALL, fusion="strange"))
'''


def test_an_incomplete_count_and_wasted_work_are_said_beside_the_table(twopath, tmp_path):
    (tmp_path / "strange.py").write_text(STRANGE)
    words = ("cost", "strange", "--size", "64x96", "--plugin", str(tmp_path / "strange.py"))
    text = twopath(*words).out
    assert re.search(r"^strange \*", text, re.MULTILINE)
    assert "the count is INCOMPLETE, aten::cumsum x1 may hide multiply-adds" in text
    assert "strange: computes what nothing uses: paths.fusion.dead" in text
    (row,) = json.loads(twopath(*words, "--json").out)
    assert (row["count"], row["dead_modules"]) == ("incomplete", ["paths.fusion.dead"])


def test_two_counters_that_disagree_are_told_in_a_sentence():
    assert _doubts({DISAGREE: 1}) == "two counters disagree about its multiply-adds"
    told = (
        "aten::cumsum x2 may hide multiply-adds and two counters disagree about its multiply-adds"
    )
    assert _doubts({"aten::cumsum": 2, DISAGREE: 1}) == told


def test_times_are_given_as_ratios_to_the_first_too(twopath):
    words = ("bisenetv2_small", "bisenetv2", "--size", "32x64", "--rounds", "1", "--threads", "1")
    answer = twopath("time", *words)
    assert answer.err == "timing bisenetv2_small, bisenetv2\n"
    heading, _, first, second = answer.out.splitlines()[1:5]
    assert "ratio" in heading and heading.endswith("than bisenetv2_small")
    assert first.split()[-1] == "1"
    assert re.search(r" \d+\.\d{3} +– +too few rounds to tell \(1 of 6\)$", second)  # noqa: RUF001
    assert "CPU threads: 1, float32, backend folded+channels_last, clock starts at" in answer.out
    assert "1 round, the most that were asked for" in answer.out
    assert "A copy of bisenetv2_small took" in answer.out
    answer = twopath("time", words[0], *words[2:], "--boundary", "logits_native", "--json")
    (row,) = json.loads(answer.out)
    assert row["latency_boundary"] == "logits_native" and answer.err == ""
    assert "ratio" not in row
    assert "than bisenetv2" not in twopath("time", words[0], *words[2:]).out


def told_of(**figures):
    """What is printed of two networks with these columns."""
    shared = {
        "latency_figure": "t_e2e",
        "latency_size": "32x64",
        "latency_batch": 1,
        "latency_device": "A CPU",
        "latency_threads": 1,
        "latency_dtype": "float32",
        "latency_boundary_in": "dev",
        "latency_boundary": "labels_full",
        "latency_method": "perf_counter",
        "latency_torch": "2",
        "latency_backend": "eager",
        "latency_rounds": 12,
        "latency_ended": "precise",
        "latency_steady": True,
        "latency_place": "drawn each round",
        "latency_contended": False,
        "latency_twin": "not distinguishable",
        "latency_twin_ratio": 1.0012,
    }
    ends = {"latency_low_ms": 9.5, "latency_high_ms": 10.5}
    rows = [
        {"network": name, "latency_ms": 10.0, **ends, **shared, **figures} for name in ("a", "b")
    ]
    rows[1] |= {"ratio": 1.25, "ratio_low": 1.2, "ratio_high": 1.3, "answer": "slower"}
    console = Console(width=100, file=io.StringIO(), color_system=None)
    show_latencies(rows, [Path("runs") / "receipts" / "12.json"], console)
    return console.file.getvalue()


def test_what_is_known_of_two_networks_is_said_and_no_more():
    text = told_of()
    assert re.search(r"^a +10\.00 +9\.50–10\.50 +100\.0 +1 *$", text, re.MULTILINE)  # noqa: RUF001
    assert re.search(r"^b .* 1\.250 +1\.200–1\.300 +slower *$", text, re.MULTILINE)  # noqa: RUF001
    assert "took 1.001 times as long as itself: not distinguishable" in text
    assert "Other work" not in text and "steady" not in text
    odd = told_of(latency_twin="slower", latency_steady=False, latency_ended="time")
    assert "differences of that size mean nothing" in odd
    assert "Not all were steady" in odd and "when time was up" in odd


def test_beside_other_work_milliseconds_are_in_brackets_and_no_frames_a_second_are_given():
    text = told_of(latency_contended=True)
    assert "(10.00)" in text and "fps" not in text
    assert "trust the ratios. Milliseconds stand in brackets" in " ".join(text.split())


def test_a_network_that_cannot_be_timed_is_named(twopath, tmp_path):
    text = (
        "from harness import networks\n"
        "from harness.components import Detail, Feature, details\n"
        "from harness import Architecture\n\n"
        '@details.register("nan")\n'
        "class Nan(Detail):\n"
        "    def __init__(self, image):\n"
        '        super().__init__(taps={"out": Feature(3, 1)})\n'
        "    def forward(self, image):\n"
        '        return {"out": image * float("nan")}\n\n'
        'networks.register("nan", Architecture(detail="nan", semantic="none"))\n'
    )
    (tmp_path / "nan.py").write_text(text)
    answer = twopath("time", "nan", "--size", "32x32", "--plugin", "nan.py", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert "network 'nan' cannot be timed" in answer.err and "NaN or infinity" in answer.err
    words = ("--size", "32x32", "--rounds", "1", "--seconds", "1", "--plugin", "nan.py")
    beside = twopath("time", "nan", "bisenetv2_small", *words)
    assert beside.code == 0 and re.search(r"^bisenetv2_small +\(?\d", beside.out, re.M)
    assert "nan was not timed: FloatingPointError" in beside.out


def test_what_is_not_a_finite_number_is_null_in_json():
    found = as_strict_json({"a": float("nan"), "b": [float("inf"), 1.5]})
    assert json.loads(found) == {"a": None, "b": [None, 1.5]}


def test_a_reader_that_left_is_no_mistake(start):
    for form in ((), ("--json",)):
        process = start("list", *form)
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr.read() == ""


def test_square_brackets_are_no_markup(capsys):
    console = Console(width=80, markup=False, highlight=False)
    found = {"kind": "fusion", "name": "x", "about": "[bold]a[/]", "options": {}, "file": "[x]"}
    show.show_options(found, console)
    out = capsys.readouterr().out
    assert "[bold]a[/]" in out and "[x]" in out


def test_a_study_of_a_thousand_candidates_is_shown_by_its_holes(twopath):
    text = twopath("show", "parts").out
    assert "1000 combinations of" in text and "fusion: " in text
    assert len(text) < 3000
