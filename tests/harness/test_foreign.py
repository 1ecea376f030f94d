"""A network of somebody's own is found by file and name, or it is said in one line why not."""

import pytest
import torch
from torch import nn

from harness.foreign import Ended, ended, is_foreign, load_module, num_channels
from harness.measure.anatomy import anatomy
from harness.mistakes import is_users

FILE = """
import torch
from torch import nn
from torch import nn
from collections import OrderedDict

class Model(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, stride=2, padding=1)

    def forward(self, image):
        return self.conv(image)

class Sized(Model):
    def __init__(self, num_classes):
        super().__init__(num_classes)

class Needy(Model):
    def __init__(self, depth, width, *more, extra=1):
        super().__init__()

class Several(Model):
    def forward(self, image):
        return {"out": self.conv(image), "aux": self.conv(image)}

class Labels(Model):
    def forward(self, image):
        return nn.functional.interpolate(self.conv(image), size=image.shape[-2:]).argmax(1)

class Vector(Model):
    def forward(self, image):
        return self.conv(image).mean((2, 3))

class Plain:
    pass

def make():
    return Model(7)

def number():
    return 7

def fails():
    raise RuntimeError("no\\nway")

ready = Model(5)
size = 9
"""
SIZE = (32, 48)


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return lambda name, **options: load_module(f"nets.py:{name}", **options)


@pytest.mark.parametrize(("name", "width"), [("Model", 4), ("make", 7), ("ready", 5)])
def test_a_class_a_function_and_an_instance(nets, name, width):
    assert nets(name).conv.out_channels == width


def test_a_network_that_needs_its_classes_alone_is_told_them(nets):
    assert nets("Sized", num_classes=11).conv.out_channels == 11


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ("nets.py:Modell", KeyError, "Did you mean 'Model'"),
        ("nets.py:Needy", TypeError, r"needs depth, width; .* Needy\(depth=..., width=...\)"),
        ("nets.py:Plain", TypeError, "no torch.nn.Module"),
        ("nets.py:number", TypeError, "gives int"),
        ("nets.py:size", TypeError, "is of type int"),
        ("nets.py:fails", ValueError, "fails: RuntimeError: no way"),
        ("net.py:Model", FileNotFoundError, "Did you mean 'nets.py'"),
        ("far/off/nothing.py:Model", FileNotFoundError, "there is no file 'far/off/nothing.py'.$"),
        ("nets.py", ValueError, "FILE.py:NAME, and 'nets.py' names none; nets.py has Model"),
        ("nets.py:", ValueError, "FILE.py:NAME, and 'nets.py:' names none; nets.py has Model"),
        ("bisenetv2", ValueError, "FILE.py:NAME"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(nets, given, error, told):
    with pytest.raises(error, match=told) as caught:
        load_module(given)
    assert is_users(caught.value)
    assert "\n" not in str(caught.value)


def test_only_what_may_give_a_network_is_named(nets):
    with pytest.raises(KeyError) as caught:
        nets("Nothing")
    known = str(caught.value).partition("Known: ")[2]
    assert "ready" in known and "make" in known
    assert "OrderedDict" not in known and "size" not in known


def test_a_file_that_cannot_be_loaded(tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_that_exists\n")
    with pytest.raises(ValueError, match="ModuleNotFoundError"):
        load_module(f"{tmp_path / 'broken.py'}:Model")


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("nets.py:Model", True),
        ("a/b.py:f", True),
        ("nets.py", True),
        ("bisenetv2", False),
        ("x:y", False),
    ],
)
def test_which_names_mean_a_file(given, answer):
    assert is_foreign(given) is answer


@pytest.mark.parametrize("name", ["Model", "Several"])
@pytest.mark.parametrize(
    ("boundary", "shape", "dtype"),
    [
        ("labels_full", (1, 32, 48), torch.uint8),
        ("logits_full", (1, 4, 32, 48), torch.float32),
        ("logits_native", (1, 4, 16, 24), torch.float32),
    ],
)
def test_what_is_missing_is_put_behind_it(nets, name, boundary, shape, dtype):
    network = nets(name)
    found = ended(network, boundary, SIZE)
    given = found(torch.zeros(1, 3, *SIZE))
    assert (tuple(given.shape), given.dtype) == (shape, dtype)
    assert network.training and not any(each.training for each in found.modules())
    assert not any(each.requires_grad for each in found.parameters())


def test_nothing_is_put_behind_one_that_ends_there(nets):
    assert not isinstance(ended(nets("Labels"), "labels_full", SIZE), Ended)
    assert not isinstance(ended(nets("Model"), "logits_native", SIZE), Ended)


@pytest.mark.parametrize(
    ("name", "boundary", "told"),
    [
        ("Labels", "logits_full", "gives classes"),
        ("Vector", "labels_full", "neither logits"),
        ("Model", "logit_full", "Did you mean 'logits_full'"),
    ],
)
def test_a_network_that_cannot_end_there(nets, name, boundary, told):
    with pytest.raises(ValueError, match=told):
        ended(nets(name), boundary, SIZE)


def test_of_several_outputs_out_is_meant():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.aux, self.head = nn.Conv2d(3, 7, 1), nn.Conv2d(3, 5, 1)

        def forward(self, image):
            return {"aux": self.aux(image), "out": self.head(image)}

    assert anatomy(Named(), (32, 32)).output == (1, 5, 32, 32)
    whole = ended(Named(), "logits_full", (32, 32))
    assert whole(torch.zeros(1, 3, 32, 32)).shape == (1, 5, 32, 32)


OWN = """
from torch import nn

class Good(nn.Conv2d):
    def __init__(self, num_classes=19):
        super().__init__(3, num_classes, 3)

class Lists(nn.Conv2d):
    def __init__(self, classes=("road", "car")):
        super().__init__(3, len(classes), 3)

class Other: pass

def block(width, depth):
    return nn.Conv2d(width, depth, 3)

def leaves():
    raise SystemExit(3)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return lambda name, **options: load_module(f"own.py:{name}", **options)


@pytest.mark.parametrize(("name", "channels"), [("Good", 7), ("Lists", 2)])
def test_a_number_of_classes_with_a_default_is_told_and_names_are_left(own, name, channels):
    built = own(name, num_classes=7)
    assert num_channels(built, SIZE) == channels


def test_only_what_would_be_taken_is_named(own):
    with pytest.raises(KeyError) as caught:
        own("Nothing")
    assert str(caught.value).strip("'\"").endswith("Known: Good, Lists, leaves")


def test_one_that_leaves_is_told_as_one_that_fails(own):
    with pytest.raises(ValueError, match="fails: SystemExit: 3"):
        own("leaves")
