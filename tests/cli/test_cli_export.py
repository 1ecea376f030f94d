"""``twopath export`` writes a file that agrees, or says why not and leaves none."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness import Architecture, Part, exporting
from harness.foreign import ended, load_module
from harness.network import deploy
from harness.networks import register
from harness.training.loop import initialise

SMALL = ("tiny", "--size", "64x96", "--classes", "5")
TORCH = exporting.FORMATS["torch"]
TINY = Architecture(
    detail=Part("detail_branch", width=4), semantic="none", head=Part("seg", width=4)
)


@pytest.fixture(autouse=True)
def tiny():
    """A network of one path alone, which is quick to export."""
    register("tiny", TINY)


@pytest.fixture
def torch_format(monkeypatch):
    """What torch.export saves, written and read as the test has it."""

    def change(**changes):
        monkeypatch.setitem(exporting.FORMATS, "torch", replace(TORCH, **changes))

    return change


def test_a_file_of_torch_runs_by_itself_and_says_what_it_is(twopath, tmp_path):
    given = twopath("export", *SMALL, "--to", "torch", "--boundary", "logits_full", "--json")
    assert given.code == 0, given.err
    record = json.loads(given.out)
    assert record["file"] == "tiny.pt2" and record["agreement"] == 1
    assert record["bytes"] == (tmp_path / record["file"]).stat().st_size
    assert 0 < record["max_abs_error"] < 1e-3
    notes = {"twopath_size": ""}
    call = torch.export.load(tmp_path / record["file"], extra_files=notes).module()
    assert notes["twopath_size"] == "64x96" and notes["twopath_mean"] == "[0.485, 0.456, 0.406]"
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    network = deploy(initialise(TINY, 5, seed=0), fold=False)
    with torch.no_grad():
        assert torch.allclose(call(image), network(image), atol=1e-3)


def test_an_onnx_file_agrees_with_the_trained_network(twopath, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    trained = initialise(TINY, 5, seed=7).eval()
    (tmp_path / "trial").mkdir()
    torch.save(trained.state_dict(), tmp_path / "trial" / "weights.pt")
    (tmp_path / "new").mkdir()
    out = tmp_path / "new" / "net.onnx"
    given = twopath("export", *SMALL, "--weights", tmp_path / "trial", "--out", out)
    assert given.code == 0, given.err
    assert "opset 20" in given.out and f"weights: {tmp_path / 'trial'}." in given.out
    assert "Same class as fp32 eager at 100.0000% of the pixels of 8 images." in given.out
    assert [each.name for each in out.parent.iterdir()] == ["net.onnx"]
    session = runtime.InferenceSession(out, providers=["CPUExecutionProvider"])
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    (got,) = session.run(None, {"image": image.numpy()})
    with torch.no_grad():
        want = deploy(trained, boundary="labels_full")(image)
    assert (torch.from_numpy(got) == want).float().mean() > 0.999
    notes = session.get_modelmeta().custom_metadata_map
    assert notes["twopath_network"] == "tiny" and notes["twopath_num_classes"] == "5"


@pytest.mark.parametrize("dynamic", [(), ("--dynamic",)], ids=["static", "dynamic"])
def test_a_file_that_does_not_agree_is_not_left_there(twopath, tmp_path, torch_format, dynamic):
    def swapped(file):
        call = torch.export.load(file).module()
        return lambda image: call(image.flip(1))

    torch_format(load=swapped)
    given = twopath("export", *SMALL, "--to", "torch", *dynamic)
    assert given.code == 2 and given.out == ""
    assert given.err.startswith("twopath: nothing is written: the file disagrees with fp32 eager")
    assert given.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_open_sizes_are_checked_in_batches_and_at_another_size(twopath, tmp_path, torch_format):
    shapes = set()

    def seen(file):
        call = torch.export.load(file).module()
        return lambda image: shapes.add(tuple(image.shape)) or call(image)

    torch_format(load=seen)
    given = twopath("export", *SMALL, "--to", "torch", "--dynamic")
    assert given.code == 0, given.err
    assert shapes == {(1, 3, 64, 96), (2, 3, 64, 96), (2, 3, 96, 160)}
    assert "64x96 and any other" in given.out and "24 images" in given.out


def test_a_file_that_fails_elsewhere_is_not_left_there(twopath, tmp_path, torch_format):
    def fixed(order):  # as if the sizes had been open
        return TORCH.write(replace(order, dynamic=False))

    torch_format(write=fixed)
    given = twopath("export", *SMALL, "--to", "torch", "--dynamic")
    assert given.code == 2 and "nothing is written: the file fails" in given.err
    assert list(tmp_path.iterdir()) == []


def test_what_a_library_cannot_write_is_said_in_a_line(twopath, tmp_path, torch_format):
    def failing(order):
        raise RuntimeError("no such operator:\n  it is new")

    torch_format(write=failing)
    given = twopath("export", *SMALL, "--to", "torch")
    assert given.code == 2
    assert "'tiny' cannot be written for torch: RuntimeError: no such op" in given.err
    assert list(tmp_path.iterdir()) == []


MINE = """
from torch import nn


class Mine(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body, self.norm = nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, num_classes, 1)

    def forward(self, image):
        return {"out": self.head(self.norm(self.body(image)).relu())}
"""


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_a_network_of_ones_own_is_written_and_agrees(twopath, tmp_path, kind):
    if kind == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.py").write_text(MINE)
    module = load_module("nets/mine.py:Mine", 5).eval()
    module.norm.running_mean.uniform_(-1, 1)
    torch.save(module.state_dict(), tmp_path / "mine.pt")
    words = ("nets/mine.py:Mine", *SMALL[1:], "--to", kind, "--weights", "mine.pt", "--json")
    given = twopath("export", *words)
    assert given.code == 0, given.err
    record = json.loads(given.out)
    assert (record["network"], record["agreement"]) == ("mine.py:Mine", 1)
    call = exporting.FORMATS[kind].load(tmp_path / record["file"])
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        want = ended(module, "labels_full", (64, 96))(image)
        assert (call(image) == want).float().mean() > 0.999
    assert record["file"] == f"Mine{exporting.FORMATS[kind].ending}"
    assert "mean" not in record, "nobody knows what a stranger's images are"


def test_a_network_that_gives_no_numbers_is_not_written(twopath, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    module = load_module("mine.py:Mine", 5)
    nn.init.constant_(module.norm.bias, torch.nan)
    torch.save(module.state_dict(), tmp_path / "mine.pt")
    given = twopath("export", "mine.py:Mine", *SMALL[1:], "--to", "torch", "--weights", "mine.pt")
    assert given.code == 2
    assert "cannot be exported: FloatingPointError: NaN or infinity" in given.err
    assert "non_finite_weights at network.norm.bias" in given.err
    assert not [*tmp_path.glob("*.pt2")]


def test_nothing_is_written_over_and_no_folder_is_made(twopath, tmp_path):
    (tmp_path / "tiny.pt2").write_text("mine")
    words = ("export", *SMALL, "--to", "torch")
    there = twopath(*words)
    told = "tiny.pt2 is there already: --force writes over it, --out names another file"
    assert (there.code, there.err) == (2, f"twopath: {told}\n")
    assert (tmp_path / "tiny.pt2").read_text() == "mine"
    away = twopath(*words, "--out", "no/such/tiny.pt2")
    told = "--out no/such/tiny.pt2: there is no folder no/such"
    assert (away.code, away.err) == (2, f"twopath: {told}\n")
    below = twopath(*words, "--out", "tiny.pt2/tiny.pt2")
    assert below.code == 2 and "--out tiny.pt2/tiny.pt2: there is no folder tiny.pt2" in below.err
    assert [each.name for each in tmp_path.iterdir()] == ["tiny.pt2"]
    forced = twopath(*words, "--force")
    assert forced.code == 0 and (tmp_path / "tiny.pt2").stat().st_size > 1000


def test_wrong_weights_and_names_are_said_in_a_line(twopath, tmp_path):
    state = initialise(TINY, 4, seed=0).state_dict()
    torch.save(state, tmp_path / "four.pt")
    to = (*SMALL, "--to", "torch")
    other = twopath("export", *to, "--weights", "four.pt")
    assert other.code == 2 and "or of another number of --classes" in other.err
    missing = twopath("export", *to, "--weights", tmp_path)
    assert missing.code == 2 and f"there are no weights {tmp_path}" in missing.err
    ending = twopath("export", *to, "--out", "net.onnx")
    assert ending.code == 2 and "ends in .pt2, not as net.onnx" in ending.err
    name = twopath("export", "bisenetv3", "--to", "torch")
    assert name.code == 2 and "bisenetv2" in name.err
    engine = twopath("export", *SMALL, "--to", "tensorrt")
    assert engine.code == 2 and "tensorrt" in engine.err and engine.err.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["four.pt"]
