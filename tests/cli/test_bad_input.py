"""Bad data, a full disk and training that fails: one clear line each, and nothing done is lost."""

import errno
import json
import os
import re
import sqlite3
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sqlalchemy.exc
import torch
from PIL import Image

from harness.data import cache
from harness.data.dataset import IGNORE
from harness.ledger import Ledger
from harness.training import loop
from harness.training.checkpoint import _read_whole

STUDY = '''"""Sum or concat?"""

from dataclasses import replace

from harness import Part, Recipe, Study, Timing, choice
from studies.published import BISENETV2_SMALL

study = Study(
    name="tiny",
    question="Sum or concat?",
    space=replace(BISENETV2_SMALL, fusion=choice({fusions})),
    recipe=Recipe(dataset=Part("folder", size=(32, 64)), crop=(32, 64), warmup_steps=0, {recipe}),
    timing=Timing(rounds=1, burst=1, warmup=0, threads=1),
)
'''


@pytest.fixture
def own(tmp_path):
    """A folder of one's own: four images to train, a single one to score."""
    rng = np.random.default_rng(0)
    root = tmp_path / "own"
    for split, count in (("train", 4), ("val", 1)):
        for kind, shape, most in (("images", (40, 80, 3), 256), ("masks", (40, 80), 2)):
            (root / kind / split).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, most, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / kind / split / f"{number}.png")
    (root / "classes.txt").write_text("ground\nsky\n")
    return root


@pytest.fixture
def run(twopath, tmp_path, own, monkeypatch):
    """Runs a study of one or two trials over that folder; gives what was said, and its rows."""
    # Drawing a report takes as long as all the rest.
    drawn = SimpleNamespace(answer="", page="", show=None)
    monkeypatch.setattr("reports.write", lambda *_, **__: drawn)

    def go(*words, fusions='"sum"', recipe="steps=2, batch=2"):
        text = STUDY.format(fusions=fusions, recipe=recipe)
        file = tmp_path / f"study_{zlib.crc32(text.encode())}.py"  # a file is loaded once
        file.write_text(text)
        said = twopath("run", file.name, "--json", "--data", f"folder={own}", *words)
        said.rows = json.loads(said.out)["rows"] if said.out else []
        return said

    return go


def only_line(said):
    assert (said.code, said.rows) == (2, [])
    (line,) = said.err.splitlines()
    assert line.startswith("twopath: ")
    return line


def no_picture(own):
    (own / "images/train/1.png").write_text("no picture")


def cut_short(own):
    os.truncate(own / "images/train/1.png", 700)


def mask_cut_short(own):
    os.truncate(own / "masks/val/0.png", 100)


def three_channels(own):
    (own / "masks/val/0.png").write_bytes((own / "images/val/0.png").read_bytes())


def no_mask(own):
    (own / "masks/train/2.png").unlink()


def no_images(own):
    for kind in ("images", "masks"):
        (own / kind / "val/0.png").unlink()


def unknown_class(own):
    Image.fromarray(np.full((40, 80), 7, np.uint8)).save(own / "masks/train/3.png")


def no_labels(own):
    Image.fromarray(np.full((40, 80), IGNORE, np.uint8)).save(own / "masks/val/0.png")


SPOILT = {
    no_picture: ["images/train/1.png: the image is damaged or cut short: no picture"],
    cut_short: ["images/train/1.png: the image is damaged or cut short: image file is truncated"],
    mask_cut_short: ["masks/val/0.png: the mask is damaged or cut short"],
    three_channels: ["masks/val/0.png: a mask holds one class number a pixel", "mode is RGB"],
    no_mask: ["images/train/2.png has no mask", "1 has no other half"],
    no_images: ["no images in its val split"],
    unknown_class: ["masks/train/3.png: mask values [7] are not classes", "0..1, void is 255"],
    no_labels: ["the val split", "no labelled pixel"],
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda each: each.__name__)
def test_bad_files_are_named_before_anything_trains(run, own, tmp_path, spoil):
    spoil(own)
    line = only_line(run())
    assert all(said in line for said in SPOILT[spoil]), line
    assert not list(tmp_path.glob("runs/trials/*"))


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("steps=2, batch=1", "recipe.batch is a whole number of at least 2, not 1"),
        ("steps=2, batch=6, accumulate=4", "recipe.accumulate=4 must cut recipe.batch=6 into"),
        ("steps=2, batch=2, accumulate=2", "equal parts of at least 2 images, or batch norm"),
    ],
)
def test_one_image_under_batch_norm_of_one_place_is_refused(run, recipe, said):
    assert said in only_line(run(recipe=recipe))


def test_the_last_part_of_a_batch_and_a_single_image_to_score_are_sound(run):
    (row,) = run(recipe="steps=3, batch=6, accumulate=3").rows
    assert (row["state"], row["num_images"]) == ("done", 1)
    assert np.isfinite([loss for _, loss, _ in row["history"]]).all()


@pytest.mark.parametrize("loss", ["ce", "ohem"])
@pytest.mark.parametrize("weights", ["None", "'balanced'"])
def test_a_batch_without_a_label_costs_nothing(run, own, loss, weights):
    for number in range(3):  # of four: one batch of two in each epoch has none
        mask = np.full((40, 80), IGNORE, np.uint8)
        Image.fromarray(mask).save(own / f"masks/train/{number}.png")
    (row,) = run(recipe=f"steps=6, batch=2, loss='{loss}', class_weights={weights}").rows
    losses = [loss for _, loss, _ in row["history"]]
    assert row["state"] == "done" and np.isfinite(losses).all()
    assert losses.count(0.0) == 3


def test_a_cache_that_cannot_be_written_is_said_and_done_without(run, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/cache").touch()
    with pytest.warns(RuntimeWarning, match=r"not cached in .*runs/cache: File exists"):
        assert run().rows[0]["state"] == "done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_disk_that_fills_up_under_the_cache_is_said_and_done_without(run, tmp_path, monkeypatch):
    folder = tmp_path / "runs/cache"
    folder.mkdir(parents=True)
    (folder / "train.partial").symlink_to("/dev/full")
    monkeypatch.setattr(cache, "_name", lambda dataset, split: split)
    with pytest.warns(RuntimeWarning, match=r"not cached in .*: No space left on device"):
        assert run().rows[0]["state"] == "done"
    assert {file.name for file in folder.iterdir()} == {"train.lock"}


def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_that_cannot_take_a_receipt_is_told_before_anything_is_trained(
    run, monkeypatch, tmp_path
):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        line = only_line(run())
    assert re.fullmatch(r"twopath: --runs \S+/receipts/\w{64}\.json: No space left on device", line)
    assert not list(tmp_path.glob("runs/trials/*/checkpoint.pt*"))
    assert [row["state"] for row in run().rows] == ["done"]


def test_a_full_disk_fails_its_trials_by_file_and_the_same_command_goes_on(run, monkeypatch):
    done = run().rows[0]
    writes = iter([os.fsync])  # the receipt's; what comes after it meets a disk that is full
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda file: next(writes, full)(file))
        said = run(fusions='"sum", "concat"')
    assert said.code == 1
    kept, failed = said.rows
    assert all(kept[name] == done[name] for name in ("key", "miou", "confusions_sha256"))
    assert kept["state"] == "done"
    assert failed["reason"].startswith("disk full: ")
    assert "/checkpoint.pt: No space left on device, on the disk at /" in failed["reason"]
    assert [row["state"] for row in run(fusions='"sum", "concat"').rows] == ["done", "done"]


def test_a_full_disk_after_training_costs_no_step(run, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr("harness.trial.save", lambda *_, **__: full(0))
        assert run().code == 1
    (row,) = run().rows
    assert (row["state"], row["resumed_from_step"]) == ("done", 2)
    assert not list(tmp_path.glob("runs/trials/*/checkpoint.pt*"))


def refuse(*_, **__):
    original = sqlite3.OperationalError("database or disk is full")
    raise sqlalchemy.exc.OperationalError("INSERT", {}, original)


def test_a_ledger_on_a_full_disk_costs_no_step(run, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "put_trial", refuse)
        line = only_line(run())
    assert line == "twopath: the ledger runs/ledger.db could not go on: database or disk is full"
    (row,) = run().rows
    assert (row["state"], row["resumed_from_step"]) == ("done", 2)
    assert not list(tmp_path.glob("runs/trials/*/checkpoint.pt*"))


def test_a_report_on_a_full_disk_is_told_by_its_folder(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("reports.commands.write", lambda *_, **__: full(0))
        assert only_line(run()) == "twopath: --runs runs/reports/tiny: No space left on device"
    assert run().rows[0]["state"] == "done"


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    run, monkeypatch, tmp_path
):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))
    said = run(recipe="steps=6, batch=2, lr=1e30")
    assert said.code == 1
    told = r"FloatingPointError: the loss is nan at step (\d) of 6, learning rate \d\.\d+e\+29; "
    (row,) = said.rows
    assert (match := re.match(told, row["reason"])), row["reason"]
    (file,) = tmp_path.glob("runs/trials/*/checkpoint.pt")
    kept = _read_whole(file)
    assert kept["progress"]["step"] == int(match[1]) - 1
    assert all(torch.isfinite(each).all() for each in kept["network"].values())


def test_a_checkpoint_of_another_architecture_is_refused_by_name(run, monkeypatch, tmp_path):
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "put_trial", refuse)
        run()
        (strange,) = tmp_path.glob("runs/trials/*/checkpoint.pt")
        run(fusions='"concat"')
    (file,) = set(tmp_path.glob("runs/trials/*/checkpoint.pt")) - {strange}
    file.write_bytes(strange.read_bytes())
    (row,) = run(fusions='"concat"').rows
    copied = file.parent.with_name(f"{file.parent.name}-2") / file.name  # the second attempt's
    assert row["reason"].startswith(f"ValueError: {copied} is the checkpoint of another trial: ")
    assert "another network; move it away" in row["reason"]
    for each in (file, copied):
        each.unlink()
    assert run("--retry-failed", fusions='"concat"').rows[0]["state"] == "done"
