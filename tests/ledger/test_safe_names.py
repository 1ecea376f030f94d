"""A study's name stays in its folder, and nothing that is kept is ever unpickled."""

import ast
import hashlib
import io
import pickle
from pathlib import Path

import pytest
import torch

import harness
import reports
from harness.attempts import CHECKPOINT, folder_of
from harness.ledger import Ledger
from harness.opening import folder_name
from harness.training.checkpoint import _newest

NAMES = [
    "../../etc",
    "..",
    ".",
    "/abs/olute",
    "a/b",
    "a\\b",
    "C:\\x",
    "\x00",
    "~root",
    " ",
    "é" * 200,
]


@pytest.mark.parametrize("name", [*NAMES, "x" * 300, "-rf", "a\nb"])
def test_a_name_of_a_study_is_one_folder_within_its_own(tmp_path, name):
    runs = tmp_path / "runs" / "reports"
    folder = runs / folder_name(name)
    assert folder.parent == runs and folder.resolve().parent == runs.resolve()
    folder.mkdir(parents=True)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_no_two_names_share_a_folder():
    more = ["x", "../x", "../../x", "a-b", "a b", "etc", "index.html", "y" * 101, "y" * 102]
    names = [*NAMES, *more]
    assert len({folder_name(name) for name in names}) == len(names)
    assert folder_name("fusion_camvid") == "fusion_camvid"
    assert folder_name("index.html") != "index.html"


def test_an_attempt_has_a_folder_of_its_own(tmp_path):
    key = "0123456789abcdef" * 4
    names = [folder_of(tmp_path, key, attempt).name for attempt in (1, 2, 10)]
    assert names == [key[:16], f"{key[:16]}-2", f"{key[:16]}-10"]


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return (Path.touch, (self.flag,))


def test_a_checkpoint_with_code_in_it_runs_none(tmp_path):
    buffer = io.BytesIO()
    torch.save({"identity": Bomb(tmp_path / "flag")}, buffer)
    payload = buffer.getvalue()
    (tmp_path / CHECKPOINT).write_bytes(hashlib.sha256(payload).digest() + payload)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        _newest(tmp_path / CHECKPOINT, 10)
    assert not (tmp_path / "flag").exists()


def test_a_row_of_a_ledger_is_json_and_nothing_else(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    with ledger._database.engine.begin() as connection:
        text = pickle.dumps(Bomb(tmp_path / "flag"), protocol=0).decode()
        connection.exec_driver_sql("INSERT INTO trials VALUES ('k', 'done', ?)", (text,))
    with pytest.raises(ValueError, match="Expecting value"):
        ledger.trials(["k"])
    assert not (tmp_path / "flag").exists()


UNPICKLES = {
    "harness/runners/cluster.py",
    "harness/training/together.py",
    "reports/beside.py",
}
"""Jobs on their way to a worker that this run started, errors on their way back, and what a copy of
a process sends to it.
"""


def calls(package):
    """The name of every function that a package's files call, with the call and the file."""
    root = Path(package.__file__).parent
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node, file.relative_to(root.parent).as_posix()


@pytest.mark.parametrize("package", [harness, reports], ids=lambda each: each.__name__)
def test_nothing_unpickles_a_file(package):
    for name, call, file in calls(package):
        options = {each.arg: ast.unparse(each.value) for each in call.keywords}
        if name == "torch.load":
            assert options.get("weights_only") == "True", file
        if name in ("np.load", "numpy.load"):
            assert options.get("allow_pickle", "False") == "False", file
        if name.startswith(("pickle.load", "cloudpickle.", "joblib.", "dill.", "shelve.")):
            assert file in UNPICKLES, file
        assert not name.endswith("read_pickle"), file
