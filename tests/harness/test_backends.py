"""Every backend is held against fp32 eager before it may be timed, and faults are found."""

import importlib.util
import re
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny import BOTH
from torch import nn
from torch.nn import functional

from harness.backends import contract, torch_engines
from harness.backends.agreement import check_backend
from harness.backends.contract import Backend, backends, check_available, steps_of
from harness.backends.prepare import arms, prepared, sample_images
from harness.data.streets import Streets
from harness.mistakes import NotInstalledError
from harness.network import Deployed
from harness.plugins import load_file
from harness.training.loop import initialise

CPU, SIZE = torch.device("cpu"), (64, 96)
ALL = ("eager", "folded", "channels_last", "folded+channels_last", "fp16", "bf16")
LOW = {"fp16": torch.float16, "bf16": torch.bfloat16}


@pytest.fixture(scope="module")
def images():
    return sample_images(SIZE)


@pytest.fixture(scope="module")
def network():
    """Untrained, its batch norms set to the statistics of other images."""
    network = initialise(BOTH, 5, seed=0)
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(sample_images(SIZE, dataset=Streets(None, size=SIZE, seed=1)))
    return network.eval()


@pytest.fixture
def own(monkeypatch):
    """What a test registers is forgotten."""
    monkeypatch.setattr(backends, "_classes", dict(backends._classes))
    return backends.register


def ended(network, boundary="logits_full"):
    return Deployed(network, boundary).eval()


@pytest.mark.parametrize("boundary", ["labels_full", "logits_full", "logits_native"])
def test_what_torch_runs_agrees_and_keeps_the_boundary(network, images, boundary):
    whole = ended(network, boundary)
    found = arms({"net": whole}, ALL, images, CPU)
    assert list(found) == [f"net on {name}" for name in ALL]
    with torch.inference_mode():
        want = whole(images[:1])
        for name, arm in zip(ALL, found.values(), strict=True):
            assert arm.call is not None, arm.why
            got = arm.call(arm.place(images[:1]))
            assert got.shape == want.shape
            assert got.is_floating_point() == (boundary != "labels_full")
            assert arm.place(images[:1]).dtype == LOW.get(name, torch.float32)
            assert arm.facts["backend"] == name
            # Torch runs weights made in inference mode a few percent faster than all others.
            assert not any(each.is_inference() for each in arm.call.network.parameters())
            assert arm.facts["backend_agreement"] >= (0.998 if name in LOW else 0.9999)
            assert arm.facts["backend_num_images"] == 8
            assert (arm.facts["backend_max_abs_error"] is None) == (boundary == "labels_full")
    assert found["net on folded"].facts["backend_batch_norms_left"] == 1


def test_the_network_is_left_as_it_was(network, images):
    whole = ended(network)
    before = {name: each.clone() for name, each in whole.state_dict().items()}
    arms({"net": whole}, ALL, images, CPU)
    after = whole.state_dict()
    assert list(after) == list(before)
    for name, each in before.items():
        assert torch.equal(after[name], each) and after[name].dtype == each.dtype


def enlarging(network, **how):
    """The network with another resize at its end."""
    native = ended(network, "logits_native")
    return lambda image: functional.interpolate(native(image), size=image.shape[2:], **how)


FAULTS = {
    "swapped colours": lambda network: lambda image: ended(network)(image.flip(1)),
    "brighter": lambda network: lambda image: ended(network)(image * 1.1),
    "nearest": lambda network: enlarging(network, mode="nearest"),
    "aligned corners": lambda net: enlarging(net, mode="bilinear", align_corners=True),
    "another class": lambda network: lambda image: ended(network)(image).roll(1, dims=1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_in_every_precision(network, images, fault):
    faulty = FAULTS[fault](network)
    for dtype in (torch.float32, *LOW.values()):
        found = check_backend(lambda x: faulty(x).to(dtype), ended(network), images, dtype=dtype)  # noqa: B023
        assert not found.holds and found.why, dtype


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_a_network_gives_classes(network, images, fault):
    faulty = FAULTS[fault](network)

    def classes(image):
        return faulty(image).argmax(1).to(torch.uint8)

    found = check_backend(classes, ended(network, "labels_full"), images, dtype=torch.bfloat16)
    assert "disagrees with fp32 eager" in (found.why or "")


def test_another_boundary_or_values_that_are_no_numbers_end_a_check(network, images):
    whole = ended(network)
    native = check_backend(ended(network, "logits_native"), whole, images)
    assert (
        native.why == "gives float32 (1, 5, 8, 12) where the network gives float32 (1, 5, 64, 96)"
    )
    labels = check_backend(ended(network, "labels_full"), whole, images)
    assert "gives uint8 (1, 64, 96)" in labels.why
    wide = check_backend(lambda x: whole(x).argmax(1), ended(network, "labels_full"), images)
    assert wide.why == "gives int64 (1, 64, 96) where the network gives uint8 (1, 64, 96)"
    assert "not finite" in check_backend(lambda x: whole(x) / 0, whole, images).why


def test_a_fault_that_leaves_every_class_alone_shows_in_the_logits(network, images):
    whole = ended(network)
    found = check_backend(lambda x: whole(x) * 1.2, whole, images)
    assert found.agreement == 1 and "logits are off by" in found.why


class Near(nn.Module):
    """Two classes, the second nearly as good as the first everywhere: what bf16 cannot tell."""

    def __init__(self, margin):
        super().__init__()
        self.margin = margin

    def forward(self, image):
        first = image[:, :1] * 1.01
        return torch.cat([first, first - self.margin, first - 5], 1)


def test_only_ties_finer_than_the_format_are_forgiven(images):
    def other(image):  # picks the second class on every other line
        logits = network(image)
        logits[:, :2, ::2] = logits[:, :2, ::2].flip(1)
        return logits

    network = nn.Sequential(Near(1e-3))
    assert not check_backend(other, network, images).holds
    low = check_backend(other, network, images, dtype=torch.bfloat16)
    assert low.agreement == 1 and low.agreement_strict == pytest.approx(0.5)
    assert "cannot be judged" in (low.why or "")
    network = nn.Sequential(Near(0.5))
    assert not check_backend(other, network, images, dtype=torch.bfloat16).holds


def test_a_check_needs_eight_images_in_whole_batches(network, images):
    with pytest.raises(ValueError, match="8 images or more, in batches of 1; not on 7"):
        check_backend(ended(network), ended(network), images[:7])
    with pytest.raises(ValueError, match="in batches of 3; not on 8"):
        check_backend(ended(network), ended(network), images, batch=3)


def test_images_are_of_the_size_and_number_asked_for():
    assert sample_images((48, 80), batch=3).shape == (9, 3, 48, 80)
    few = Streets(None, size=(64, 64), val=2)
    frames = sample_images((32, 48), dataset=few)
    assert frames.shape == (8, 3, 32, 48) and torch.equal(frames[0], frames[2])


def test_a_backend_is_named_by_its_steps():
    assert steps_of("folded + channels_last+fp16") == ("folded", "channels_last", "fp16")
    with pytest.raises(KeyError, match=r"chanels_last.*channels_last"):
        steps_of("folded+chanels_last")
    with pytest.raises(ValueError, match="has 'folded' twice"):
        steps_of("folded+fp16+folded")


def test_steps_in_the_wrong_order_are_answered_with_the_right_one():
    with pytest.raises(ValueError, match="the right one is 'folded\\+channels_last\\+onnxruntime'"):
        steps_of("onnxruntime+folded+channels_last")
    with pytest.raises(ValueError, match="the right one is 'fp16\\+compile\\+cuda_graph'"):
        steps_of("cuda_graph+compile+fp16")
    with pytest.raises(ValueError, match="has 'compile' and 'openvino', and each runs the network"):
        steps_of("folded+compile+openvino")
    assert steps_of("folded+compile+cuda_graph")[2] == "cuda_graph"


def test_a_backend_that_cannot_run_here_says_why_before_it_is_built(network, images, monkeypatch):
    with pytest.raises(ValueError, match="'cuda_graph' runs on a CUDA device, and this is a CPU"):
        check_available("folded+cuda_graph", CPU)
    with pytest.raises(ValueError, match="'openvino' runs on a CPU, and this is a CUDA device"):
        check_available("openvino", torch.device("cuda"))
    monkeypatch.setattr(contract.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError, match=r"needs onnx, .*: pip install 'twopath\[onnx\]'"):
        check_available("onnxruntime", CPU)
    missing, eager = arms({"net": ended(network)}, ["onnxruntime", "eager"], images, CPU).values()
    assert missing.call is None and eager.call is not None
    assert missing.why.startswith("backend 'onnxruntime' needs onnx,"), "whose pip install follows"


def test_a_backend_that_fails_on_some_image_costs_itself_alone(network, images, own):
    @own("moody")
    class Moody(Backend):
        """Takes what it was built for once."""

        def apply(self, running, example):
            calls = iter(range(2))
            return running.taken(lambda image, net=running.network: (next(calls), net(image))[1])

    moody, eager = arms({"net": ended(network)}, ["moody", "eager"], images, CPU).values()
    assert moody.why == "fails: StopIteration" and eager.call is not None


def test_compiling_without_a_compiler_is_said_in_a_line(network, images, monkeypatch):
    monkeypatch.setattr(torch_engines.shutil, "which", lambda name: None)
    arm = prepared("compile", ended(network), images, CPU)
    assert arm.call is None and "needs a C++ compiler" in arm.why
    assert arm.facts["backend_error"] == arm.why


class Tiny(nn.Module):
    """A class of networks whose forward function is the same and whose weights are not."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 1), nn.ReLU(), nn.Conv2d(width, 4, 1))

    def forward(self, image):
        return self.layers(image)


def test_networks_of_one_class_are_all_compiled(images, monkeypatch):
    # Without the C++ compiler, which takes seconds; what is looked at is what comes before it.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setattr(torch_engines, "_check_compiler", lambda: None)
    networks = {f"width {width}": Tiny(width).eval() for width in range(4, 14)}
    for name, arm in arms(networks, ["compile"], images, CPU).items():
        assert (arm.facts["backend_graphs"], arm.facts["backend_graph_breaks"]) == (1, 0), name
        assert arm.call is not None


def test_steps_out_of_order_are_an_arm_with_its_reason(network, images):
    found = arms({"net": ended(network)}, ["fp16+bf16", "eager"], images, CPU)
    assert "'bf16' lowers a network that is in float16 already" in found["net on fp16+bf16"].why
    assert found["net on eager"].call is not None


def test_a_backend_of_ones_own_is_a_step_like_any_other(network, images, own):
    @own("swapping")
    class Swapping(Backend):
        """Hands on the colours in the wrong order."""

        def apply(self, running, example):
            return running.taken(lambda image, net=running.network: net(image.flip(1)), note="bgr")

    @own("failing")
    class Failing(Backend):
        """Cannot be built."""

        def apply(self, running, example):
            raise RuntimeError("no such kernel")

    found = arms({"net": ended(network)}, ["folded+swapping", "failing"], images, CPU)
    wrong, failed = found.values()
    assert wrong.call is None and wrong.facts["backend_note"] == "bgr"
    assert "off by" in wrong.why or "disagrees" in wrong.why
    assert wrong.facts["backend_agreement"] < 0.99
    assert failed.why == "RuntimeError: no such kernel" and failed.equivalence is None


class Classes(nn.Module):
    """Gives classes and hides their logits; some pixels of the first image are wrong."""

    def __init__(self, first=None, wrong=0):
        super().__init__()
        self.first, self.wrong = first, wrong

    def forward(self, image):
        classes = image.argmax(1)
        if self.first is not None and torch.equal(image[0], self.first):
            classes[0, 0, : self.wrong] = (classes[0, 0, : self.wrong] + 1) % 3
        return classes.to(torch.uint8)


def test_one_pixel_of_a_few_decides_nothing_and_two_do():
    few = torch.randn(8, 3, 10, 8, generator=torch.Generator().manual_seed(0))  # 640 pixels
    found = [check_backend(Classes(few[0], wrong), Classes(), few) for wrong in (0, 1, 2)]
    assert [round(640 * (1 - each.agreement)) for each in found] == [0, 1, 2]
    assert [each.holds for each in found] == [True, True, False]
    assert found[2].why == (
        "disagrees with fp32 eager: the class of 99.688% of the pixels is the same, "
        "99.99% are needed"
    )


def test_the_backend_in_the_docs_is_one(network, images, own, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "backends.md").read_text(encoding="utf-8")
    (tmp_path / "as_it_is.py").write_text(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0])
    load_file(tmp_path / "as_it_is.py")
    arm = prepared("folded+as_it_is", ended(network), images, CPU)
    assert arm.call is not None and arm.facts["backend_note"] == "a column of the row"


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_engine_agrees_and_says_what_it_ran(network, images, name):
    for package in backends.get(name).packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    whole = ended(network, "labels_full")
    arm = prepared(f"folded+{name}", whole, images, CPU)
    assert arm.call is not None, arm.why
    assert arm.facts["backend_version"] == f"{name} {sys.modules[name].__version__}"
    assert len(arm.facts["backend_file_sha256"]) == 64
    with torch.inference_mode():
        assert torch.equal(arm.call(images[:1]), whole(images[:1]))
    low = prepared(f"fp16+{name}", whole, images, CPU)
    assert f"'{name}' takes networks in fp32, not in float16" in low.why
