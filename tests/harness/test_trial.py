"""One trial: what its row holds, that it takes up where it was cut off, and why it failed."""

import json
from dataclasses import replace

import pytest
import torch
from tiny import BOTH, RECIPE, learnt, tiny

from harness import Part
from harness.data.roots import DataRoots, open_dataset
from harness.network import assemble
from harness.plan import candidates, trials_of
from harness.training import loop
from harness.trial import Job, reason_of, run_trial


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


def test_a_trial_leaves_its_weights_and_no_checkpoint(tmp_path):
    job = job_in(tmp_path)
    row = run_trial(job)
    assert [path.name for path in job.folder.iterdir()] == ["weights.pt"]
    assert job.folder == tmp_path / "trials" / row["folder"]
    network = assemble(job.trial.architecture, row["num_classes"])
    network.load_state_dict(torch.load(job.folder / "weights.pt", weights_only=True))


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
    row = run_trial(job)
    assert row["resumed_from_step"] == last
    assert learnt(row) == learnt(whole)
    assert not (job.folder / "checkpoint.pt").exists()


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
        (RuntimeError("x" * 999), "RuntimeError: " + "x" * 300),
    ],
)
def test_a_reason_starts_with_the_kind_of_failure(error, reason):
    assert reason_of(error) == reason


def test_memory_that_cannot_be_had_is_known_for_what_it_is():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**52)
    assert reason_of(caught.value).startswith("out of memory: ")
