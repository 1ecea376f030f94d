"""What a reader is told before trusting the figures."""

from made_up import noisy, row, stopped, study_of, timed

from reports.notes import notes, uncompared
from reports.rows import frame
from reports.verdict import judge


def noted(rows, **fields):
    study = study_of(rows, **fields)
    return " ".join(notes(judge(study, frame(study, rows))))


def test_the_interval_names_its_method_and_degrees_of_freedom():
    text = noted(noisy({"a": 0.3, "b": 0.4, "c": 0.5}, seeds=3))
    assert "3 candidates at once (Tukey, 4 degrees of freedom, of which " in text
    assert " count since noise may differ (Greenhouse and Geisser)), by the spread of a " in text


def test_one_seed_has_neither_spread_nor_interval():
    text = noted([row("a"), row("b")])
    assert "trained with one seed" in text
    assert "Tukey" not in text


def test_timing_in_several_sessions_beside_work_or_at_another_size_is_told():
    calm = noted([row("a"), row("b")])
    assert not any(word in calm for word in ("sessions", "beside other work", "no network does"))
    rows = [row("a", latency_contended=True), row("b", latency_session="two")]
    rows = [{**each, "latency_size": "512x1024"} for each in rows]
    text = noted(rows)
    assert "timed beside other work on the machine: a." in text
    assert "in 2 sessions" in text
    assert "timed at 512x1024, accuracy scored at 96x192" in text
    given = [{**each, "scoring_size": "512x1024"} for each in rows]
    assert "accuracy scored at" not in noted(given)


def test_the_rank_correlation_of_macs_and_latency_is_told_from_four_candidates_on():
    rows = [row(f"c{i}", gmacs=0.1 + i, **timed(20 - i)) for i in range(4)]
    assert "(Kendall) with latency is GMACs \N{MINUS SIGN}1.00, without" in noted(rows)
    assert "rank correlation" not in noted(rows[:3])
    assert "rank correlation" not in noted([row(f"c{i}") for i in range(4)])


def test_uncounted_operators_are_summed_over_candidates_by_their_most():
    rows = [row("a", uncounted_ops={"x": 2}), row("b", uncounted_ops={"x": 5, "y": 1})]
    assert "x (5) and y (1)" in noted(rows)


def test_an_operator_nobody_has_classified_makes_a_count_incomplete():
    text = noted([row("a", unknown_ops={"aten::fft": 1}), row("b", unknown_ops={})])
    assert "The GMACs of a are incomplete: aten::fft may hide" in text
    assert "incomplete" not in noted([row("a"), row("b")])


def test_a_run_that_is_all_warm_up_is_told():
    recipe = {"steps": 20, "warmup_steps": 20}
    assert "warm-up is as long as the run" in noted([row("a", recipe=recipe), row("b")])
    assert "warm-up" not in noted([row("a", recipe={"steps": 20, "warmup_steps": 5}), row("b")])


def test_trials_left_out_are_gathered_by_reason():
    rows = [row("a", s) for s in range(3)] + [row("b", s, latency_device="B") for s in range(2)]
    study = study_of(rows)
    ((who, why),) = uncompared(judge(study, frame(study, rows)))
    assert who == "b, seeds 0 and 1"
    assert why == "latency device is B, where those compared have A CPU"


def test_work_that_nothing_uses_is_named():
    rows = [row("a", dead_modules=["head2"], uncalled_modules=["spare"]), row("b", dead_modules=[])]
    assert "that the output does not use: a: head2 and spare." in noted(rows)
    assert "does not use" not in noted([row("a"), row("b")])


def test_how_latencies_are_compared_is_told_where_there_are_rounds():
    assert "median of 12 rounds in which all candidates took turns" in noted([row("a"), row("b")])
    old = [row(name, latency_rounds=None, latency_rounds_ns=None) for name in "ab"]
    assert "took turns" not in noted(old)


def test_a_session_that_tells_a_copy_from_itself_is_told():
    rows = [row(n, latency_twin="slower", latency_twin_ratio=1.0421) for n in "ab"]
    assert "A copy of the first candidate took 1.042 times as long as itself" in noted(rows)
    fine = [row(n, latency_twin="not distinguishable", latency_twin_ratio=1.01) for n in "ab"]
    assert "A copy" not in noted(fine)


def test_why_latencies_are_no_headline_and_where_their_samples_are_is_told():
    shared, own = "exclusive use of the machine is unproven: x", "dead_head at y: z"
    judged = {"latency_headline_ok": False, "latency_receipt": "12ab"}
    rows = [
        row("a", latency_headline_reasons=[shared, own], **judged),
        row("b", latency_headline_reasons=[shared], **judged),
    ]
    text = noted(rows)
    assert "no headline figures. Exclusive use of the machine is unproven: x. a: dead_head" in text
    assert "12ab.json" in text and "twopath verify" in text
    good = {"latency_headline_ok": True, "latency_headline_reasons": [], "latency_receipt": "1"}
    assert "Nothing that was looked for speaks against" in noted(
        [row("a", **good), row("b", **good)]
    )
    assert "headline" not in noted([row("a"), row("b")])


def test_what_was_stopped_early_is_counted_by_rung_and_is_on_no_front():
    rows = [row("a"), row("b", miou=0.5), stopped("c"), stopped("d"), stopped("e", step=33)]
    study = study_of(rows)
    verdict = judge(study, frame(study, rows))
    standings = {each.candidate.name: each for each in verdict.standings}
    assert [standings[name].status for name in "cde"] == ["stopped"] * 3
    assert standings["c"].words.startswith("stopped after 11 of 100 steps: mIoU of 1.0 %")
    assert {each.candidate.name for each in verdict.scored} == {"a", "b"}
    text = " ".join(notes(verdict))
    assert "on no front: 3 of 5 candidates, 2 after 11 of 100 and 1 after 33 of 100 steps" in text
    assert "Stopped early" not in noted([row("a"), row("b")])
