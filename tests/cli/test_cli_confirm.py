"""A study's winner is run again on seeds that the study never used."""

import json
from pathlib import Path

from harness.confirming import fresh_seeds
from harness.ledger import Ledger


def test_a_winner_is_trained_again_on_fresh_seeds_and_once_only(twopath, write_study, tmp_path):
    study = write_study(fusions='"sum", "concat"')
    assert "no ledger at" in twopath("confirm", study).err
    twopath("run", study)
    dry = json.loads(twopath("confirm", study, "--seeds", 2, "--dry-run", "--json").out)
    assert dry["trials"]["new"] == 2
    assert "tiny (confirmation)" not in Ledger(tmp_path / "runs" / "ledger.db").studies()
    first = twopath("confirm", study, "--seeds", 2)
    assert first.code == 0
    assert first.err.splitlines()[-1].startswith("2 trained")
    assert "on fresh seeds" in first.out and "On 2 fresh seeds" in first.out
    ledger = Ledger(tmp_path / "runs" / "ledger.db")
    plan = ledger.plan("tiny (confirmation)")
    assert [entry.seed for entry in plan] == [1, 2]
    (best,) = {entry.candidate for entry in plan}
    assert {e.parts["fusion"] for e in ledger.plan("tiny") if e.candidate == best} == {
        e.parts["fusion"] for e in plan
    }
    again = twopath("confirm", study, "--seeds", 2)
    assert again.err.splitlines()[-1].startswith("nothing was trained")
    more = twopath("confirm", study, "--seeds", 3, "--json")
    assert json.loads(more.out)["summary"]["trained"] == 1
    assert "On 3 fresh seeds" in twopath("report", "tiny").out


def test_a_searched_candidate_is_made_again_from_its_answers(twopath, write_study, tmp_path):
    study = write_study(
        "hunt", fusions='"sum", "concat", "bga"', before="from harness import Search"
    )
    file = Path(study)
    file.write_text(file.read_text().replace("space=", "search=Search(trials=2),\n    space="))
    twopath("run", study)
    ledger = Ledger(tmp_path / "runs" / "ledger.db")
    name = ledger.plan("hunt")[-1].candidate
    assert twopath("confirm", study, "--seeds", 1, "--candidate", name).code == 0
    assert [e.candidate for e in ledger.plan("hunt (confirmation)")] == [name]
    wrong = twopath("confirm", study, "--candidate", "sun")
    assert wrong.code == 2 and "unknown candidate 'sun'" in wrong.err


def test_fresh_seeds_begin_above_all_that_were_used():
    assert fresh_seeds((0, 7, 3), 2) == (8, 9)
    assert fresh_seeds((0, 7, 3), 4)[:2] == fresh_seeds((0, 7, 3), 2)
    assert fresh_seeds((), 1) == (0,)
