"""A bad plugin is refused with its class, its file and the reason; all the rest keeps working."""

import json

import pytest

HEAD = '''"""A plugin that is not right."""

from torch import nn

from harness.components import Feature, Fusion, fusions, resize_like

{imports}
{decorator}
class Bad({base}):
    """Not right."""

    def __init__(self, {inputs}):
        {init}

    def forward(self, detail, semantic):
        {forward}
'''
SOUND = {
    "imports": "",
    "decorator": '@fusions.register("{name}")',
    "base": "Fusion",
    "inputs": "detail, semantic",
    "init": "super().__init__(out=detail)",
    "forward": "return detail + resize_like(semantic.mean(1, keepdim=True), detail)",
}
REFUSED = {
    "wrong_base": ({"base": "nn.Module"}, "must subclass Fusion"),
    "wrong_inputs": (
        {"inputs": "image"},
        "__init__ takes (image); a fusion takes (detail, semantic), then options after a *",
    ),
    "no_default": ({"inputs": "detail, semantic, *, width"}, "option 'width' has no default"),
    "other_default": (
        {"inputs": "detail, semantic, *, width: int = 'wide'"},
        "a default is refused: option 'width' of fusion 'other_default' is int, not 'wide'",
    ),
    "strange_default": (
        {"inputs": "detail, semantic, *, width={}"},
        "a default is refused: option 'width' of part 'strange_default' is a dict; options are",
    ),
    "strange_type": (
        {"inputs": "detail, semantic, *, width: 'Width' = 1"},
        "a default is refused: name 'Width' is not defined",
    ),
}
BROKEN = {
    "misspelt": (
        {"init": "super().__init__(out=detail.chanels)"},
        "cannot be built: AttributeError: 'Feature' object has no attribute 'chanels'",
    ),
    "forgetful": (
        {"init": "self.layer = nn.ReLU()"},
        "cannot be built: AttributeError: cannot assign module before Module.__init__() call",
    ),
    "silent": ({"init": "pass"}, "must call super().__init__(out=...) with a Feature, its"),
    "halved": (
        {"init": "super().__init__(out=Feature(detail.channels / 2, detail.stride))"},
        "whole number, not Feature(channels=16.0, stride=8)",
    ),
    "narrow": (
        {"init": "super().__init__(out=Feature(7, detail.stride))"},
        "its output is (1, 32, 9, 13) for a 72x104 image, not 7 channels at stride 8 as it",
    ),
    "small": ({"forward": "return semantic"}, "its output is (1, 32, 3, 4) for a 72x104 image"),
    "clash": (
        {"forward": "return detail + semantic"},
        "its forward pass fails for a 72x104 image: RuntimeError: The size of tensor",
    ),
    "both": ({"forward": "return detail, semantic"}, "its output is a tuple, not a tensor"),
    "deciding": (
        {"forward": "return detail if detail.mean() > 0 else detail * 2"},
        "torch.fx cannot trace its forward pass, as deploying needs: TraceError",
    ),
}


@pytest.fixture
def write_plugin(tmp_path):
    """Writes a plugin of one fusion, in which some things are not right."""

    def write(name, **changes):
        file = tmp_path / f"{name}.py"
        fields = {**SOUND, **changes}
        file.write_text(HEAD.format(**fields).replace("{name}", name))
        return file

    return write


def refusal(twopath, file):
    """The one line with which a plugin is refused."""
    answer = twopath("list", "--plugin", file)
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    return line


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_class_is_refused_when_it_is_registered(twopath, write_plugin, name):
    changes, reason = REFUSED[name]
    file = write_plugin(name, **changes)
    line = refusal(twopath, file)
    said = f"could not be loaded: TypeError: fusion '{name}' (Bad in {file}): {reason}"
    assert line.startswith(f"twopath: {file} {said}")
    assert f"({name}.py, line " in line


def test_a_name_that_is_taken_is_refused_with_who_has_it(twopath, write_plugin):
    file = write_plugin("taken", decorator='@fusions.register("sum")')
    line = refusal(twopath, file)
    assert f"fusion 'sum' (Bad in {file}): the name is taken by Sum in " in line
    assert "architectures/fusion/sum.py" in line


@pytest.mark.parametrize("decorator", ["@fusions.register", '@fusions.register("")'])
def test_a_part_needs_a_name(twopath, write_plugin, decorator):
    file = write_plugin("nameless", decorator=decorator)
    given = "''" if "(" in decorator else f"Bad in {file}"
    assert f"TypeError: a fusion is registered under a name, not under {given}" in refusal(
        twopath, file
    )


def test_a_function_is_no_part(twopath, tmp_path):
    file = tmp_path / "function.py"
    text = 'from harness.components import fusions\n\n@fusions.register("f")\ndef f(a, b): ...\n'
    file.write_text(text)
    said = f"fusion 'f' (f in {file}): must be a class that subclasses Fusion"
    assert said in refusal(twopath, file)


def test_an_import_that_fails_is_refused_with_its_line(twopath, write_plugin):
    file = write_plugin("importing", imports="import not_a_module")
    line = refusal(twopath, file)
    assert line == (
        f"twopath: {file} could not be loaded: ModuleNotFoundError: "
        "No module named 'not_a_module' (importing.py, line 7)"
    )


@pytest.fixture
def rows_of(twopath, write_plugin, write_study):
    """Runs a study of a sound fusion and of all that are broken; gives its rows by candidate."""

    def run():
        files = [write_plugin(name, **changes) for name, (changes, _) in BROKEN.items()]
        study = write_study(fusions=", ".join(f'"{name}"' for name in (*BROKEN, "sum")))
        words = [word for file in files for word in ("--plugin", file)]
        answer = twopath("run", study, "--json", *words)
        assert answer.code == 1
        return {
            row["architecture"]["fusion"]["name"]: row for row in json.loads(answer.out)["rows"]
        }

    return run


def test_a_fusion_that_breaks_its_promise_fails_alone(rows_of, tmp_path):
    rows = rows_of()
    assert rows.pop("sum")["state"] == "done"
    assert rows.keys() == BROKEN.keys()
    for name, row in rows.items():
        where = f"BrokenPromise: fusion '{name}' (Bad in {tmp_path / name}.py): "
        assert row["state"] == "failed" and row["reason"].startswith(where), row["reason"]
        assert BROKEN[name][1] in row["reason"] and "\n" not in row["reason"], row["reason"]


@pytest.mark.parametrize("name", ["misspelt", "clash", "deciding"])
def test_a_network_of_a_broken_part_is_refused_in_one_line(twopath, write_plugin, name):
    changes, reason = BROKEN[name]
    network = (
        "from dataclasses import replace\n\n"
        "from harness import networks\n"
        "from studies.published import BISENETV2_SMALL\n\n"
        f'networks.register("mine", replace(BISENETV2_SMALL, fusion="{name}"))\n'
    )
    file = write_plugin(name, imports=network, **changes)
    answer = twopath("cost", "mine", "--plugin", file)
    (line,) = answer.err.splitlines()
    assert answer.code == 2 and reason in line
    assert line.startswith(f"twopath: fusion '{name}' (Bad in {file}): ")


def test_a_sweep_counts_the_sound_and_says_of_each_other_why_not(
    twopath, write_plugin, write_study
):
    files = [write_plugin(name, **changes) for name, (changes, _) in BROKEN.items()]
    study = write_study(fusions=", ".join(f'"{name}"' for name in (*BROKEN, "sum")))
    words = [word for file in files for word in ("--plugin", file)]
    answer = twopath("sweep", study, "--size", "64x96", "--json", *words)
    assert answer.code == 0, answer.err
    for name, file in zip(BROKEN, files, strict=True):
        assert f"fusion '{name}' (Bad in {file}): " in answer.out
    rows = json.loads(answer.out)["rows"]
    assert sum("impossible" in row for row in rows) == len(BROKEN) == len(rows) - 1
