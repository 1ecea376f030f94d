"""Imports go one way, importing the machine is quick, and the code keeps to its own limits."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("harness", "architectures", "studies", "reports")
HEAVY = ("torch", "ray", "optuna", "pandas", "matplotlib", "fvcore", "scipy", "sqlalchemy")

FORBIDDEN = {
    "harness": {"architectures", "studies", "reports"},
    "architectures": {"studies", "reports", "ray", "optuna"},
    "studies": {"reports", "torch", "ray", "optuna"},
    "reports": {"architectures", "studies", "torch", "ray", "optuna"},
}
ONLY_IN = {
    "ray": tuple(
        f"harness/runners/{name}.py"
        for name in ("cluster", "gang", "nodes", "sign", "tracking", "watch")
    ),
    "optuna": ("harness/runners/asking.py", "harness/runners/storage.py"),
}


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imported(node, package):
    """The top-level packages that one import statement reaches."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {package if node.level else (node.module or "").split(".")[0]}
    return set()


def imports(path):
    """(package, is inside a function) for every import of a file."""
    whole, package = tree(path), path.relative_to(ROOT).parts[0]
    functions = [n for n in ast.walk(whole) if isinstance(n, (ast.FunctionDef, ast.Lambda))]
    inside = {id(each) for function in functions for each in ast.walk(function)}
    return {(top, id(n) in inside) for n in ast.walk(whole) for top in imported(n, package)}


@pytest.mark.parametrize("path", sources(*OURS), ids=relative)
def test_imports_go_one_way(path):
    name = relative(path)
    wrong = {
        top
        for top, inside in imports(path)
        if top in FORBIDDEN[name.split("/")[0]]
        and not (name == "harness/cli.py" and top == "reports" and inside)
    }
    assert not wrong


@pytest.mark.parametrize("path", sources(*OURS), ids=relative)
def test_ray_and_optuna_have_doors_of_their_own(path):
    name = relative(path)
    wrong = {top for top, _ in imports(path) if name not in ONLY_IN.get(top, (name,))}
    assert not wrong


def test_the_harness_is_imported_in_a_moment_and_brings_nothing_heavy():
    code = (
        "import sys, time; start = time.process_time(); import harness; "
        "took = time.process_time() - start; "
        f"print(took, *(name for name in {HEAVY} if name in sys.modules))"
    )
    tries = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    words = [each.stdout.split() for each in tries]
    assert [each[1:] for each in words] == [[]] * len(tries)
    assert min(float(each[0]) for each in words) < 0.3


def test_a_report_brings_what_draws_tests_and_frames_only_once_it_is_needed():
    late = tuple(name for name in HEAVY if name != "sqlalchemy")
    code = f"import sys, reports.commands; print(*(n for n in {late} if n in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


@pytest.mark.parametrize("name", ["harness.networks", "studies.published"])
def test_naming_a_network_needs_no_torch(name):
    code = f"import sys, {name}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


EVERYWHERE = sources(*OURS, "tests", "examples")


@pytest.mark.parametrize("path", EVERYWHERE, ids=relative)
def test_every_file_opens_with_a_sentence_and_is_short(path):
    assert (ast.get_docstring(tree(path)) or "").split("\n\n")[0].rstrip().endswith((".", "?"))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_functions_are_short():
    lengths = {
        f"{relative(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in EVERYWHERE
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}
    assert sum(length < 20 for length in lengths.values()) >= 0.9 * len(lengths)


def test_names_that_windows_or_our_style_forbid_are_not_used():
    stems = {path.stem for path in EVERYWHERE} | {path.parent.name for path in EVERYWHERE}
    assert not stems & {"aux", "con", "nul", "prn", "utils", "helpers", "base"}
