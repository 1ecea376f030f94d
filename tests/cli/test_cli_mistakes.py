"""Bad input is answered with one line and exit code 2; a slip of our own is not hidden."""

import shutil
import socket
import sqlite3
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest
import sqlalchemy.exc
from PIL import Image
from ray.exceptions import AuthenticationError

from harness import cli, plugins, show
from harness.ledger import Ledger
from harness.runners import nodes

BROKEN = {
    "none": ("x = 1\n", ["no study in none.py"]),
    "number": ("study = 1\n", ["number.py", "int"]),
    "syntax": ("import os\nstudy = (\n", ["syntax.py, line 2", "SyntaxError"]),
    "division": ("\n\n1 / 0\n", ["division.py, line 3", "ZeroDivisionError"]),
    "misspelt": (
        "from harness import Study\n\nstudy = Study(\n    nam='a'\n)\n",
        ["misspelt.py, line 3", "'nam'"],
    ),
    "refused": (
        "from harness import Recipe\nRecipe(steps=-1)\n",
        ["refused.py, line 2", "recipe.steps", "-1"],
    ),
    "alone": ("import not_a_module\n", ["alone.py, line 1", "not_a_module"]),
    "leaves": ("raise SystemExit(3)\n", ["leaves.py, line 1", "SystemExit"]),
}
STUDIES = {
    "part": ({"fusions": '"sun"'}, ["unknown fusion 'sun'", "Did you mean 'sum'"]),
    "option": ({"fusions": 'Part("sum", widht=8)'}, ["'sum'", "Did you mean 'width'"]),
    "value": ({"fusions": 'Part("sum", width="a")'}, ["'width'", "'a'"]),
    "data": ({"dataset": '"street"'}, ["'street'", "Did you mean 'streets'"]),
    "size": ({"dataset": 'Part("streets", size=(3, 64))'}, ["streets", "(3, 64)"]),
    "absent": ({"dataset": '"camvid"'}, ["train.txt", "--data camvid=PATH", "https://"]),
}
WORDS = {
    "command": ("rum", ["'rum'", "'run'", "twopath --help"]),
    "study file": ("run nosuch.py", ["'nosuch.py'"]),
    "study name": ("run fuson", ["'fuson'", "Did you mean 'fusion'"]),
    "no study": ("run", ["study", "twopath run --help"]),
    "network": ("cost bisenetv3", ["'bisenetv3'", "Did you mean 'bisenetv2'"]),
    "two networks": ("time bisenetv2 bisenet", ["'bisenet'", "Known: bisenetv1"]),
    "name": ("show fusion.sun", ["'fusion.sun'", "Did you mean 'fusion.sum'"]),
    "no name": ("show nothing", ["'nothing'", "twopath list names all"]),
    "runs": ("time bisenetv2 --runs /dev/null/x", ["--runs /dev/null", "Not a directory"]),
    "runs of a study": ("run fusion --runs /dev/null/x", ["--runs /dev/null/x"]),
    "own file": ("time nets.py: --size 32x64", ["there is no file 'nets.py'"]),
    "vague name": ("show none", ["'none'", "fusion.none"]),
    "form of size": ("cost bisenetv2 --size 512", ["--size", "'512'", "512x1024"]),
    "small size": ("cost bisenetv2 --size 16x64", ["--size", "16x64", "32"]),
    "boundary": ("time bisenetv2 --boundary labels", ["'labels'", "labels_full"]),
    "threads": ("time bisenetv2 --threads 0", ["--threads", "'0'"]),
    "workers": ("run fusion --workers two", ["--workers", "'two'"]),
    "abbreviation": ("run fusion --work 2", ["--work"]),
    "address": ("run fusion --address here", ["--address", "--on ray"]),
    "form of data": ("run fusion --data camvid", ["--data", "'camvid'", "camvid=/data"]),
    "plugin": ("list --plugin nosuch.py", ["nosuch.py"]),
    "no ledger": ("report fusion", ["runs/ledger.db", "run a study first"]),
    "no ledger there": ("report fusion --runs there", ["there/ledger.db"]),
    "no ledger's file": ("report fusion --ledger sqlite:///no.db", ["no ledger at no.db"]),
    "ledger's kind": ("run fusion --ledger nosuch://x", ["nosuch://x"]),
    "ledger's port": ("run fusion --ledger sqlite://me:secret@here:port/x", ["here:port"]),
}


def only_line(answer):
    """The one line that was said; no traceback, nothing on standard output, exit code 2."""
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert line.startswith("twopath: ")
    return line


@pytest.mark.parametrize("name", WORDS)
def test_words_that_make_no_sense(twopath, name):
    words, expected = WORDS[name]
    line = only_line(twopath(*words.split()))
    assert all(each in line for each in expected), line
    assert "secret" not in line


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_no_study(twopath, tmp_path, name):
    text, expected = BROKEN[name]
    (tmp_path / f"{name}.py").write_text(text)
    line = only_line(twopath("run", f"{name}.py"))
    assert all(each in line for each in expected), line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", STUDIES)
def test_studies_that_cannot_be_run(twopath, write_study, name):
    changes, expected = STUDIES[name]
    line = only_line(twopath("run", write_study(**changes)))
    assert all(each in line for each in expected), line


@pytest.fixture
def camvid(tmp_path):
    """A folder of four CamVid images; gives a function that spoils one mask of its val split."""
    root = tmp_path / "CamVid"
    image, mask = Image.new("RGB", (64, 48)), Image.new("L", (64, 48))
    for split in ("train", "val"):
        names = [f"{split}{number}.png" for number in range(2)]
        for folder, picture in ((split, image), (f"{split}annot", mask)):
            (root / folder).mkdir(parents=True)
            for name in names:
                picture.save(root / folder / name)
        lines = [f"/SegNet/CamVid/{split}/{n} /SegNet/CamVid/{split}annot/{n}" for n in names]
        (root / f"{split}.txt").write_text("\n".join(lines))

    def spoil(values, shape=(48, 64)):
        pixels = np.resize(np.array(values, np.uint8), shape)
        Image.fromarray(pixels).save(root / "valannot" / "val1.png")

    return spoil


def test_masks_outside_the_label_map(twopath, write_study, camvid):
    camvid([3, 77, 200])
    study = write_study(dataset='Part("camvid", size=(32, 64))')
    answer = twopath("run", study, "--json", "--data", "camvid=CamVid")
    line = only_line(answer)
    assert all(each in line for each in ("valannot/val1.png", "[77, 200]", "0..10"))


def test_masks_of_another_size(twopath, write_study, camvid, monkeypatch, tmp_path):
    camvid([3], shape=(24, 64))
    (tmp_path / "CamVid").rename(tmp_path / "camvid")
    monkeypatch.setenv("TWOPATH_DATA", str(tmp_path))
    line = only_line(twopath("run", write_study(dataset='Part("camvid", size=(32, 64))'), "--json"))
    assert all(each in line for each in ("valannot/val1.png", "64x24", "64x48"))


@pytest.mark.parametrize("folder", ["val", "valannot"])
def test_files_cut_short(twopath, write_study, camvid, tmp_path, folder):
    file = tmp_path / "CamVid" / folder / "val1.png"
    file.write_bytes(file.read_bytes()[:-30])
    study = write_study(dataset='Part("camvid", size=(32, 64))')
    line = only_line(twopath("run", study, "--json", "--data", "camvid=CamVid"))
    assert f"{folder}/val1.png" in line and "damaged or cut short" in line


def test_data_folders_that_are_not_there(twopath, write_study, monkeypatch):
    study = write_study(dataset='"camvid"')
    assert "/nowhere" in only_line(twopath("run", study, "--data", "camvid=/nowhere"))
    line = only_line(twopath("run", study, "--data", "camvit=/nowhere"))
    assert "Did you mean 'camvid'" in line
    monkeypatch.setenv("TWOPATH_DATA", "/not/there")
    assert "/not/there" in only_line(twopath("run", study))


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "127.0.0.1:1"])
def test_clusters_that_are_not_there(twopath, write_study, address):
    line = only_line(twopath("run", write_study(), "--on", "ray", "--address", address, "--json"))
    assert address in line


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("Failed to connect to Ray cluster at 127.0.0.1"),
        AuthenticationError("Token authentication is enabled but no token was found. Ensure"),
    ],
    ids=["no mode", "no token"],
)
@pytest.mark.parametrize("command", ["run {study} --on ray --json", "doctor"])
def test_clusters_that_let_nobody_in(twopath, write_study, monkeypatch, command, error):
    """What Ray raises: the one after half a minute of asking, the other at once."""

    def refuse(**options):
        raise error

    monkeypatch.setattr(nodes.ray, "init", refuse)
    with socket.create_server(("127.0.0.1", 0)) as door:
        address = f"127.0.0.1:{door.getsockname()[1]}"
        words = command.format(study=write_study()).split()
        line = only_line(twopath(*words, "--address", address))
    assert str(error).split(". ")[0] in line and "export RAY_AUTH_MODE=token" in line


def test_reports_that_cannot_be_written(twopath, write_study, tmp_path):
    assert twopath("run", write_study(), "--json").code == 0
    assert "Did you mean 'tiny'" in only_line(twopath("report", "tinny"))
    (tmp_path / "notes.db").write_text("this is no database, only a note of some length\n" * 50)
    line = only_line(twopath("report", "tiny", "--ledger", "notes.db"))
    assert "notes.db" in line and "not a database" in line
    shutil.rmtree(tmp_path / "runs" / "reports")
    (tmp_path / "runs" / "reports").write_text("in the way")
    assert "runs/reports" in only_line(twopath("report", "tiny"))


def test_places_that_cannot_be_written(twopath, write_study, tmp_path):
    (tmp_path / "file").touch()
    assert "file" in only_line(twopath("run", write_study(), "--runs", "file"))
    assert "file" in only_line(twopath("run", write_study(), "--runs", "file/below"))


def test_plugins_that_cannot_be_loaded(twopath, tmp_path):
    (tmp_path / "broken.py").write_text("\n{}['missing']\n")
    line = only_line(twopath("list", "--plugin", "broken.py"))
    assert all(each in line for each in ("KeyError", "missing", "broken.py, line 2"))
    text = (
        "from architectures.fusion.sum import Sum\n"
        "from harness.components import fusions\n\n"
        'fusions.register("bga")(Sum)\n'
    )
    (tmp_path / "taken.py").write_text(text)
    line = only_line(twopath("list", "--plugin", "taken.py"))
    assert all(each in line for each in ("taken.py, line 4", "'bga'", "BilateralGuided"))


def test_an_error_below_a_study_names_the_file_it_is_in(twopath, write_study, tmp_path):
    (tmp_path / "sibling.py").write_text("\n\n\nundefined\n")
    line = only_line(twopath("run", write_study(before="import sibling\n")))
    assert "tiny.py could not be loaded: NameError" in line and "(sibling.py, line 4)" in line


def test_an_installed_plugin_that_fails_is_left_out_and_the_others_work(twopath, monkeypatch):
    theirs = EntryPoint(name="theirs", value="nowhere.parts", group=plugins.GROUP)
    installed = plugins._installed()
    monkeypatch.setattr(plugins, "_installed", lambda: (theirs, *installed))
    answer = twopath("list", "--json")
    assert answer.code == 0 and "bisenetv2" in answer.out
    assert answer.err == (
        "twopath: plugin 'theirs' (nowhere.parts) is left out, it could not be loaded: "
        "ModuleNotFoundError: No module named 'nowhere'\n"
    )


def test_a_plugins_own_refusal_is_said_in_one_line(twopath, tmp_path):
    text = (
        "from harness import Architecture, networks\n"
        "from harness.components import Detail, details\n\n"
        '@details.register("picky")\n'
        "class Picky(Detail):\n"
        "    def __init__(self, image):\n"
        '        raise ValueError("not today")\n'
        "    def forward(self, image):\n"
        "        return {}\n\n"
        'networks.register("picky", Architecture(detail="picky", semantic="none"))\n'
    )
    (tmp_path / "picky.py").write_text(text)
    line = only_line(twopath("cost", "picky", "--plugin", "picky.py"))
    assert line == "twopath: not today"


@pytest.mark.parametrize("slip", [lambda: {}["gone"], lambda: len(3), lambda: pd.DataFrame()["x"]])
def test_a_slip_of_our_own_is_seen_whole(twopath, monkeypatch, slip):
    monkeypatch.setattr(show, "builtin_studies", slip)
    with pytest.raises((KeyError, TypeError)):
        twopath("list")


def test_on_demand_a_users_mistake_is_seen_whole_too(twopath, monkeypatch):
    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(KeyError, match="bisenetv3"):
        twopath("cost", "bisenetv3")


def test_what_stops_a_database_is_said_in_one_line(twopath, write_study, monkeypatch):
    def full(*_, **__):
        original = sqlite3.OperationalError("database or disk is full")
        raise sqlalchemy.exc.OperationalError("INSERT", {}, original)

    monkeypatch.setattr(Ledger, "put_trial", full)
    line = only_line(twopath("run", write_study(), "--json"))
    assert "database or disk is full" in line


def test_files_with_awkward_names_are_loaded_once_each(tmp_path):
    for name in ("a.b.py", "json.py", "my study.py", "__main__.py"):
        (tmp_path / name).write_text(f"whoami = {name!r}\n")
        assert plugins.load_file(name).whoami == name
        assert plugins.load_file(tmp_path / name) is plugins.load_file(name)
