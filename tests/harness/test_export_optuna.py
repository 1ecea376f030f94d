"""A study's rows in an Optuna storage: what Optuna reads there is what the ledger has."""

from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState
from tiny import BOTH, RECIPE, rows, run, tiny, with_heads

from harness import Budget, Part, Search, choice, uniform
from harness.cli import main

STUDY = tiny(
    space=with_heads(*(Part("seg", width=width) for width in (3, 4, 400))),
    seeds=(0, 1),
    budget=Budget(params=20_000),
)


@pytest.fixture
def load(tmp_path):
    """Reads a study back from the storage that the command writes."""
    storages = []

    def read(name="tiny"):
        storages.append(optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/optuna.db"))
        return optuna.load_study(study_name=name, storage=storages[-1])

    yield read
    for storage in storages:
        storage.remove_session()
        storage.engine.dispose()


def export(folder, *more):
    words = ["export-optuna", "tiny", "--runs", str(folder)]
    return main([*words, "--storage", f"sqlite:///{folder}/optuna.db", *more])


def test_what_optuna_reads_is_what_the_ledger_has(tmp_path, load, capsys):
    run(STUDY, tmp_path)
    assert export(tmp_path) == 0
    assert "2 complete, 1 pruned" in capsys.readouterr().out
    study, found = load(), rows(tmp_path)
    assert [each.name for each in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study._storage.get_study_system_attrs(study._study_id)["study:metric_names"] == [
        "miou",
        "latency_ms",
    ]
    narrow, _, wide = study.trials
    of_both = [found["seg(width=3)", seed] for seed in (0, 1)]
    assert narrow.values[0] == sum(row["miou"] for row in of_both) / 2
    assert narrow.params == {"head": "seg(width=3)"}
    assert narrow.user_attrs["keys"] == [row["key"] for row in of_both]
    assert narrow.user_attrs["params"] == of_both[0]["params"]
    assert narrow.constraints["budget"] == 0.0 and narrow.datetime_complete is not None
    assert (wide.state, wide.values) == (TrialState.PRUNED, None)
    assert wide.constraints["budget"] > 0 and "over budget" in wide.user_attrs["reason"]
    assert {trial.params["head"] for trial in study.best_trials} <= {"seg(width=3)", "seg(width=4)"}


def test_a_study_in_the_storage_is_replaced_only_if_asked(tmp_path, load, capsys):
    run(STUDY, tmp_path)
    assert export(tmp_path) == 0
    assert export(tmp_path) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert export(tmp_path, "--force") == 0
    assert len(load().trials) == 3


def test_a_searchs_numbers_and_conditional_answers_are_params(tmp_path, load):
    ffm = Part("ffm", reduction=choice(2, 4))
    study = tiny(
        space=replace(BOTH, fusion=choice("sum", ffm)),
        recipe=replace(RECIPE, lr=uniform(0.01, 0.02)),
        search=Search(trials=3, sampler="random", enqueue=[{"fusion": "ffm"}, {"fusion": "sum"}]),
    )
    run(study, tmp_path)
    assert export(tmp_path) == 0
    first, second, _ = load().trials
    assert set(first.params) == {"fusion", "fusion.ffm.reduction", "recipe.lr"}
    assert set(second.params) == {"fusion", "recipe.lr"}
    assert 0.01 <= first.params["recipe.lr"] <= 0.02


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all.db", "no storage", "mysql://a:secret@b/c"]
)
def test_a_storage_that_cannot_be_opened_is_said_without_its_password(url, tmp_path, capsys):
    run(tiny(), tmp_path)
    assert main(["export-optuna", "tiny", "--runs", str(tmp_path), "--storage", url]) == 2
    said = capsys.readouterr().err
    assert "cannot open the storage" in said and "secret" not in said
