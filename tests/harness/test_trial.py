"""One trial: what its row holds, that it takes up where it was cut off, and why it failed."""

import json
from dataclasses import replace

import pytest
import torch
from tiny import BOTH, RECIPE, learnt, tiny

from harness import Part, Scoring
from harness.confusions import FILE, matrix, read, total
from harness.data.roots import DataRoots, open_dataset
from harness.network import assemble
from harness.plan import candidates, trials_of
from harness.training import loop
from harness.trial import Job, forget, reason_of, run_trial
from harness.whole import disk_of


def job_in(folder, **changes):
    """The first trial of a study as a job in a folder."""
    study, roots = tiny(**{"space": BOTH, **changes}), DataRoots()
    candidate = next(candidates(study))
    dataset = open_dataset(candidate.recipe.dataset, roots)
    trial = trials_of(study, candidate, dataset, "a CPU", {})[0]
    return Job(trial=trial, folder=folder / "trials" / trial.entry.key[:16], roots=roots)


def test_a_row_can_be_kept_and_says_all_that_was_run(tmp_path):
    job = job_in(tmp_path)
    row = run_trial(job)
    assert json.loads(json.dumps(row)) == row | {
        "architecture": json.loads(json.dumps(row["architecture"])),
        "recipe": json.loads(json.dumps(row["recipe"])),
    }
    assert (row["key"], row["state"], row["reason"]) == (job.trial.entry.key, "done", None)
    options = (("guide_detail", True), ("guide_semantic", True), ("width", None))
    assert row["architecture"]["fusion"] == {"name": "bga", "options": options}
    assert row["recipe"]["crop"] == (32, 32)
    assert (row["torch"], row["threads"], row["num_images"]) == (torch.__version__, 1, 2)
    assert (row["label_map"], row["num_classes"]) == ("streets-11", len(row["iou"]))
    assert {len(row["confusion"]), *map(len, row["confusion"])} == {row["num_classes"]}
    assert row["started"] <= row["finished"]
    assert set(row["absent_classes"]) == {k for k, v in row["iou"].items() if v is None}


def test_a_trial_leaves_its_weights_and_no_checkpoint_once_its_row_is_kept(tmp_path):
    job = job_in(tmp_path)
    row = run_trial(job)
    again = run_trial(job)  # as if the row had been lost
    assert again["resumed_from_step"] == 2 and learnt(again) == learnt(row)
    forget(job)
    assert {path.name for path in job.folder.iterdir()} == {"weights.pt", "confusions.npz"}
    assert job.folder == tmp_path / "trials" / row["folder"]
    network = assemble(job.trial.architecture, row["num_classes"])
    network.load_state_dict(torch.load(job.folder / "weights.pt", weights_only=True))


def test_the_confusion_of_each_image_is_kept_and_adds_up_to_the_rows(tmp_path):
    job = job_in(tmp_path)
    row = run_trial(job)
    kept = read(job.folder / FILE, row["confusions_sha256"])
    assert total(kept).tolist() == row["confusion"]
    assert kept.classes == tuple(row["iou"])
    assert [int(matrix(kept, i).sum()) for i in range(row["num_images"])] == [32 * 64] * 2


def test_a_row_says_how_it_was_scored_and_what_torch_was_set_to(tmp_path):
    plain = run_trial(job_in(tmp_path / "plain"))
    assert (plain["scoring_mode"], plain["scoring_size"]) == ("whole", "32x64")
    assert (plain["scoring_select"], "selected_step" in plain) == ("last", False)
    assert (plain["deterministic_algorithms"], plain["float32_matmul"]) == (False, "highest")
    views = Scoring(mode="sliding", window=(32, 32), scales=(1.0, 1.5), flip=True)
    row = run_trial(job_in(tmp_path / "views", scoring=views))
    assert (row["state"], row["scoring_window"], row["scoring_stride"]) == (
        "done",
        "32x32",
        "21x21",
    )
    assert (row["scoring_scales"], row["scoring_flip"]) == ("1, 1.5", True)
    assert row["history"] == plain["history"]  # trained alike
    assert row["key"] != plain["key"]


BEST = Scoring(select="best", held_out=0.5, looks=6)


def test_the_best_weights_are_chosen_on_held_out_images_and_scored_on_val(tmp_path):
    job = job_in(tmp_path, recipe=replace(RECIPE, steps=6), scoring=BEST)
    row = run_trial(job)
    assert (row["state"], row["scoring_select"], row["scoring_held_out"]) == ("done", "best", 0.5)
    assert 1 <= row["selected_step"] <= 6 and 0 <= row["selected_miou"] <= 1
    assert row["num_images"] == 2
    assert learnt(run_trial(job)) == learnt(row)
    forget(job)
    assert {path.name for path in job.folder.iterdir()} == {"weights.pt", "confusions.npz"}


@pytest.mark.parametrize("last", [2, 5])
def test_the_best_weights_are_the_same_after_a_cut(tmp_path, monkeypatch, last):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))
    changes = {"recipe": replace(RECIPE, steps=6), "scoring": BEST}
    whole = run_trial(job_in(tmp_path / "whole", **changes))
    job = job_in(tmp_path / "cut", **changes)

    def cut(event):
        if event.step > last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(job, cut)
    row = run_trial(job)
    names = ("selected_step", "selected_miou", "confusions_sha256")
    assert [row[name] for name in names] == [whole[name] for name in names]
    assert learnt(row) == learnt(whole)


def test_a_trial_says_each_step_and_that_it_is_scored(tmp_path):
    events = []
    job = job_in(tmp_path)
    row = run_trial(job, events.append)
    assert [(each.state, each.step, each.steps) for each in events] == [
        ("training", 1, 2),
        ("training", 2, 2),
        ("scoring", 2, 2),
    ]
    assert {each.key for each in events} == {row["key"]}
    assert [each.loss for each in events[:2]] == [point[1] for point in row["history"]]


def test_the_same_trial_twice_gives_the_same_row(tmp_path):
    one = run_trial(job_in(tmp_path / "one"))
    torch.manual_seed(5)
    assert learnt(run_trial(job_in(tmp_path / "other"))) == learnt(one)
    assert learnt(run_trial(job_in(tmp_path / "seed", seeds=(1,)))) != learnt(one)


@pytest.mark.parametrize("last", [1, 4, 6])
def test_a_trial_that_was_cut_off_goes_on_to_the_same_row(tmp_path, monkeypatch, last):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))
    recipe = replace(RECIPE, steps=6)
    whole = run_trial(job_in(tmp_path / "whole", recipe=recipe))
    job = job_in(tmp_path / "cut", recipe=recipe)

    def cut(event):
        # What is said of a step comes before it is saved.
        if event.step > last or event.state == "scoring":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(job, cut)
    assert (job.folder / "checkpoint.pt").is_file()
    events = []
    row = run_trial(job, events.append)
    assert row["resumed_from_step"] == last
    said = [(each.step, each.steps) for each in events if each.state == "resumed"]
    assert said == [(last, 6)] * (last < 6), "at the end there is no step to go on with"
    assert learnt(row) == learnt(whole)


def test_a_failure_says_why_in_one_line_and_where_in_full(tmp_path, odd):
    space = replace(BOTH, head=Part("odd", act="raise"), aux_heads="none")
    job = job_in(tmp_path, space=space, recipe=replace(RECIPE, steps=3))
    row = run_trial(job)
    assert (row["state"], row["reason"]) == ("failed", "RuntimeError: not today")
    assert "odd_parts.py" in row["error_detail"]
    assert (row["seed"], row["steps"], row["dataset"]) == (0, 3, "streets")


def test_a_plugin_that_is_gone_fails_the_trial_and_not_the_worker(tmp_path):
    row = run_trial(replace(job_in(tmp_path), plugins=("/gone/part.py",)))
    assert row["state"] == "failed"
    assert row["reason"].endswith("/gone/part.py")


def test_a_trial_sets_its_number_of_threads(tmp_path):
    before = torch.get_num_threads()
    run_trial(replace(job_in(tmp_path), threads=before + 1, plugins=("/gone/part.py",)))
    assert torch.get_num_threads() == before + 1
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (KeyError("unknown part 'x'"), "KeyError: unknown part 'x'"),
        (ValueError(), "ValueError"),
        (MemoryError(), "out of memory"),
        (torch.cuda.OutOfMemoryError("CUDA ran out"), "out of memory: CUDA ran out"),
        (
            OSError(28, "No space", "a.pt"),
            f"disk full: a.pt: No space, on the disk at {disk_of('a.pt')}",
        ),
        (FileNotFoundError(2, "No such file", "a.pt"), "FileNotFoundError: a.pt: No such file"),
        (RuntimeError("x" * 999), "RuntimeError: " + "x" * 300),
    ],
)
def test_a_reason_starts_with_the_kind_of_failure(error, reason):
    assert reason_of(error) == reason


def test_memory_that_cannot_be_had_is_known_for_what_it_is():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**52)
    assert reason_of(caught.value).startswith("out of memory: ")
