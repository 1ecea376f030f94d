"""Pretrained weights come from a file whose content is what its name says, and rows say so."""

import hashlib
import pickle

import pytest
import torch
from test_trial import job_in
from tiny import ALONE, run, tiny
from torch import nn

from harness import Part, weights
from harness.components import Detail, Feature, details
from harness.ledger import open_ledger
from harness.network import assemble
from harness.training.start import load_weights
from harness.trial import run_trial


class Backbone(Detail):
    """One convolution, whose published file has a classifier too."""

    def __init__(self, image, *, weights: str = "scratch"):
        source = from_file(weights)
        super().__init__(taps={"stage3": Feature(4, 8)}, weights=source)
        self.conv = nn.Conv2d(3, 4, 9, 8, 4, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, image):
        return {"stage3": self.norm(self.conv(image)).relu()}


def from_file(name):
    return weights.from_file(name, left_out=("fc.",))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of weights, the second of two that are looked in."""
    details.register("backbone")(Backbone)
    monkeypatch.setenv(weights.VARIABLE, f"{tmp_path / 'none'}:{tmp_path}")
    return tmp_path


STATE = {
    "conv.weight": torch.full((4, 3, 9, 9), 0.01),
    "norm.weight": torch.ones(4),
    "norm.bias": torch.zeros(4),
    "norm.running_mean": torch.zeros(4),
    "norm.running_var": torch.full((4,), 2.0),
    "fc.weight": torch.zeros(10, 4),
}


def saved(folder, state, name="net"):
    """Saves a state under the name that says what is in it."""
    plain = folder / "plain"
    torch.save(state, plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    return plain.rename(folder / f"{name}-{digest[:8]}.pth")


def network_from(name):
    architecture = {"semantic": "none", "head": ALONE.head}
    part = Part("backbone", weights=name)
    return assemble(type(ALONE)(detail=part, **architecture), 5)


def test_a_network_starts_from_the_file_that_its_part_names(folder):
    file = saved(folder, STATE)
    network = network_from(file.name)
    row = load_weights(network)
    assert (row["initial_weights"], row["weights"]) == ("pretrained", file.name)
    backbone = network.paths.detail
    assert torch.equal(backbone.conv.weight, STATE["conv.weight"])
    assert torch.equal(backbone.norm.running_var, STATE["norm.running_var"])
    without = {key: each for key, each in STATE.items() if key != "fc.weight"}
    other = saved(folder, {**without, "norm.bias": torch.ones(4)})
    assert load_weights(network_from(other.name))["weights_sha256"] != row["weights_sha256"]


def test_costs_and_shapes_are_known_without_the_file(folder):
    assert network_from("net-00000000.pth").paths.detail.taps["stage3"].channels == 4


def test_a_file_that_is_not_there_is_missed_before_training(folder):
    with pytest.raises(FileNotFoundError, match=r"net-00000000\.pth were looked for in .*none"):
        load_weights(network_from("net-00000000.pth"))


def test_without_a_folder_the_error_names_the_variable(folder, monkeypatch):
    monkeypatch.delenv(weights.VARIABLE)
    with pytest.raises(FileNotFoundError, match="TWOPATH_WEIGHTS is not set"):
        load_weights(network_from("net-00000000.pth"))


def test_a_file_with_other_content_than_its_name_says_is_refused(folder):
    file = saved(folder, STATE)
    with file.open("ab") as opened:
        opened.write(b"x")
    with pytest.raises(ValueError, match="is not what its name says"):
        load_weights(network_from(file.name))


@pytest.mark.parametrize("name", ["net.pth", "net-0000.pth", "../net-00000000.pth", "imagenet"])
def test_a_name_without_a_hash_is_refused(folder, name):
    with pytest.raises(ValueError, match="sha256"):
        network_from(name)


def test_weights_of_another_network_are_refused_by_name(folder):
    state = {key: each for key, each in STATE.items() if key != "norm.bias"}
    file = saved(folder, {**state, "norm.weight": torch.ones(5), "odd": torch.ones(1)})
    with pytest.raises(ValueError) as error:
        load_weights(network_from(file.name))
    for words in (
        "do not fit Backbone",
        "1 missing (norm.bias)",
        "1 unknown (odd)",
        "1 of another shape (norm.weight)",
    ):
        assert words in str(error.value)


class Trap:
    """What a pickle could do when it is opened."""

    def __reduce__(self):
        return (pytest.fail, ("the file ran code",))


@pytest.mark.parametrize("content", [Trap(), [1, 2], {"conv.weight": "text"}])
def test_a_file_that_holds_more_than_tensors_is_refused(folder, content):
    file = saved(folder, content)
    with pytest.raises(ValueError, match="tensors"):
        load_weights(network_from(file.name))


def test_a_plain_pickle_is_not_run(folder):
    data = pickle.dumps(Trap())
    file = folder / f"net-{hashlib.sha256(data).hexdigest()[:12]}.pth"
    file.write_bytes(data)
    with pytest.raises(ValueError, match="no file of plain tensors"):
        load_weights(network_from(file.name))


def test_a_row_says_what_its_trial_started_from(folder, tmp_path):
    file = saved(folder, STATE)
    part = Part("backbone", weights=file.name)
    row = run_trial(job_in(tmp_path, space=type(ALONE)(detail=part, semantic="none")))
    assert (row["state"], row["weights"]) == ("done", file.name)
    scratch = run_trial(job_in(tmp_path))
    assert (scratch["initial_weights"], scratch["weights"]) == ("scratch", "scratch")
    missing = Part("backbone", weights="net-00000000.pth")
    row = run_trial(job_in(tmp_path, space=type(ALONE)(detail=missing, semantic="none")))
    assert row["state"] == "failed" and row["reason"].startswith("FileNotFoundError: weights net-")


def test_weights_that_are_missing_stop_a_study_before_it_trains_and_a_later_run_goes_on(
    folder, tmp_path
):
    file = saved(folder, STATE)
    away = file.rename(tmp_path / "away")
    space = type(ALONE)(detail=Part("backbone", weights=file.name), semantic="none")
    with pytest.raises(FileNotFoundError, match="were looked for in"):
        run(tiny(space=space), tmp_path / "runs")
    away.rename(file)
    assert run(tiny(space=space), tmp_path / "runs") == (1, 0, 0, 0)


def test_a_trial_that_failed_for_a_missing_file_is_run_again(folder, tmp_path):
    file = saved(folder, STATE)
    space = type(ALONE)(detail=Part("backbone", weights=file.name), semantic="none")
    job = job_in(tmp_path, space=space)
    away = file.rename(tmp_path / "away")
    open_ledger(tmp_path / "runs", make=True).put_trial(run_trial(job))
    away.rename(file)
    assert run(tiny(space=space), tmp_path / "runs") == (1, 0, 0, 0)
