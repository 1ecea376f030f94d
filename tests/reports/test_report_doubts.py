"""What is said of places, budgets and the knee where a latency or an accuracy is not told apart."""

from made_up import noisy, study_of

from reports.effects import MOST_ROWS, effects
from reports.effects_table import effects_caption, effects_table
from reports.front import fronts
from reports.front_table import front_lines, front_table
from reports.paired import MOST_EXACT, holm, least_p, least_seeds, paired
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return study, judge(study, frame(study, rows))


def test_a_budget_and_the_knee_name_the_more_accurate_that_may_be_as_cheap():
    study, verdict = judged(
        noisy({"a": 0.4, "b": 0.5, "c": 0.53}, 5, sd=0.0005, a=10, b=10.01, c=10.02)
    )
    line = front_lines(verdict, fronts(study, verdict))[0]
    assert "a (40.0 %, not resolved from b and c)" in line.replace("\N{NO-BREAK SPACE}", " ")
    assert "between the ends of the front, is b (not resolved from c" in line


def test_a_budget_names_who_comes_within_it_before_the_next_takes_over():
    means = {"cheap": 0.400, "between": 0.396, "best": 0.5}
    study, verdict = judged(noisy(means, 4, sd=0.005, cheap=8, between=9, best=12))
    line = front_lines(verdict, fronts(study, verdict))[0]
    assert "not resolved from between) from 8.00" in line.replace("\N{NO-BREAK SPACE}", " ")


def test_who_may_be_the_faster_is_not_surely_dominated():
    rows = noisy({"a": 0.5, "b": 0.4}, 5, sd=0.0005, a=10, b=10.01)
    found = {each.candidate.name: each for each in judged(rows)[1].standings}
    assert found["b"].words == "dominated by a, but not resolved"
    rows = noisy({"a": 0.5, "b": 0.4}, 5, sd=0.0005, a=10, b=14)
    assert judged(rows)[1].standings[1].words == "dominated by a"


def test_the_table_of_fronts_says_so_too():
    study, verdict = judged(noisy({"a": 0.5, "b": 0.4}, 5, sd=0.0005, a=10, b=10.01))
    (line,) = [e for e in front_table(verdict, fronts(study, verdict)).lines if e.cells[0] == "b"]
    assert line.cells[1].startswith("dominated by a, ") and line.cells[1].endswith("(not resolved)")


def crossed(seeds):
    """Two factors of two values each, and their interaction."""
    means = {f"{a}{b}": 0.4 for a in "xy" for b in "mn"}
    rows = noisy(means, max(seeds.values()), sd=0.01)
    rows = [each for each in rows if each["seed"] < seeds[each["candidate"]]]
    study = study_of(rows)
    for entry in study["plan"]:
        one, two = entry["candidate"]
        entry["factors"], entry["parts"] = {"one": one, "two": two}, {}
    return judge(study, frame(study, rows))


def test_holm_is_over_all_lines_of_the_table_with_its_interactions():
    found = effects(crossed(dict.fromkeys(("xm", "xn", "ym", "yn"), 6)))
    rows = (*found.rows, *found.interactions)
    assert len(found.rows) == 2 and len(found.interactions) == 1
    assert [each.p for each in rows] == list(holm([each.found.p for each in rows]))
    assert "Both are Holm's over 3 lines" in effects_caption(found, None)[0]


def test_settings_without_common_seeds_are_counted():
    rows = noisy({f"{a}{b}": 0.4 for a in "xy" for b in "mn"}, 6, sd=0.01)
    rows = [e for e in rows if (e["seed"] < 3) == (e["candidate"][1] == "m")]
    study = study_of(rows)
    for entry in study["plan"]:
        one, two = entry["candidate"]
        entry["factors"], entry["parts"] = {"one": one, "two": two}, {}
    found = effects(judge(study, frame(study, rows)))
    assert effects_table(found).lines[0].cells[0] == "one=y against x (1 of 2 settings)"
    assert "Settings without seeds in common" in " ".join(effects_caption(found, None))


def test_flipping_signs_can_resolve_a_line_of_the_longest_table():
    most = 2 * MOST_ROWS
    assert least_seeds(most) <= MOST_EXACT
    for seeds in (least_seeds(most), MOST_EXACT + 5):
        assert least_p(seeds) * most <= 0.05
    assert paired([1 + n / 1e4 for n in range(MOST_EXACT + 5)]).exact_p * most <= 0.05
