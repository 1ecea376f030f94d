"""Effects: paired by seed and setting, interactions, other images, and how the table reads."""

import csv
import io
import itertools
import random

import numpy as np
import pytest
from made_up import noisy, row, study_of

import reports
from harness.confusions import FILE, save, sparse
from reports.columns import FIGURES
from reports.effects import effects
from reports.effects_table import (
    bca_table,
    effects_caption,
    effects_csv,
    effects_table,
    span_text,
)
from reports.images import RESAMPLES, images_of, moved
from reports.rows import frame
from reports.verdict import judge


def judged(rows, **fields):
    study = study_of(rows, **fields)
    return judge(study, frame(study, rows))


def factorial(seeds=7, extra=0.0, sd=0.001, without=()):
    """A grid of two factors: fusion adds 2 points, head 1, both together ``extra`` more."""
    dice = random.Random(1)
    rows, factors = [], []
    for seed in range(seeds):
        luck = dice.gauss(0, 0.01)
        for fusion, head in itertools.product(("sum", "bga"), ("thin", "wide")):
            name = f"fusion={fusion}, head={head}"
            if (name, seed) in without or name in without:
                continue
            both = extra if (fusion, head) == ("bga", "wide") else 0.0
            true = 0.3 + 0.02 * (fusion == "bga") + 0.01 * (head == "wide") + both
            rows.append(row(name, seed, true + luck + dice.gauss(0, sd)))
            factors.append({"fusion": fusion, "head": head})
    study = study_of(rows)
    for entry, each in zip(study["plan"], factors, strict=True):
        entry["factors"] = each
    return judge(study, frame(study, rows))


def test_a_change_is_set_against_the_baseline_seed_by_seed():
    rows = noisy({"full": 0.40, "less": 0.30, "same": 0.40}, seeds=8, sd=0.004)
    found = effects(judged(rows, baseline="full"))
    less, same = found.rows
    at = {(r["candidate"], r["seed"]): r["miou"] for r in rows}
    gaps = [at["less", s] - at["full", s] for s in range(8)]
    assert (less.change, less.against) == ("less", "baseline")
    assert less.found.value == pytest.approx(np.mean(gaps))
    assert less.found.exact_p == 2 / 2**8
    assert less.exact_p == 2 * 2 / 2**8, "Holm over two rows"
    assert less.word == "resolved"
    assert same.word == "not resolved" and (same.seeds is None or same.seeds[0] > 8)


def test_few_seeds_resolve_by_the_shape_of_noise_alone_and_say_so():
    rows = noisy({"full": 0.40, "less": 0.30}, seeds=3)
    found = effects(judged(rows, baseline="full"))
    assert found.rows[0].word == "resolved if noise is normal"
    text, why_students = effects_caption(found, None)
    assert "With 3 seeds no flip of signs gives p below 0.25" in text
    assert "it takes 6 seeds to resolve anything by it" in text
    assert "the 3 paired differences of a line alone" in text
    assert "BCa's bootstrap holds too seldom" in why_students
    assert "From 3 seeds on effects.csv has both." in why_students


def test_lines_of_unlike_numbers_of_seeds_are_told_apart():
    rows = noisy({"full": 0.40, "less": 0.30, "same": 0.40}, seeds=3)
    found = effects(judged([r for r in rows if r["key"] != "less/2"], baseline="full"))
    assert [each.found.n for each in found.rows] == [2, 3]
    text = " ".join(effects_caption(found, None))
    assert "on the 2 to 3 paired differences of a line alone" in text
    assert "With 2 seeds no flip of signs gives p below 0.5, with 3 none below 0.25: here" in text


def test_without_a_baseline_the_intervals_of_a_line_are_set_against_the_answers():
    wider = "the answer judges all pairs at once, so its interval of the same pair is wider"
    assert wider in effects_caption(effects(factorial()), None)[0]
    rows = noisy({"full": 0.40, "less": 0.30, "same": 0.40}, seeds=3)
    assert wider not in effects_caption(effects(judged(rows, baseline="full")), None)[0]


def test_seeds_that_it_takes_are_a_range_and_of_two_seeds_the_least_alone():
    means = {"full": 0.40, "less": 0.393, "same": 0.40}
    found = effects(judged(noisy(means, seeds=5, luck=1), baseline="full"))
    low, high = found.rows[0].seeds
    line = effects_table(found).lines[0]
    assert line.cells[-1] == f"not resolved; takes {low - 5} to {high - 5} more seeds"
    assert line.brief[-1] == f"not resolved; {low - 5}\N{EN DASH}{high - 5} more seeds"
    assert "each of its ends holds about nine times out of ten" in effects_caption(found, None)[-1]
    two = effects(judged(noisy(means, seeds=2, luck=1), baseline="full"))
    assert {line.cells[-1] for line in effects_table(two).lines} == {
        "not resolved; takes at least 5 more seeds"
    }
    assert two.rows[0].seeds == (7, None)
    assert "Two seeds tell too little of the noise" in effects_caption(two, None)[-1]


def test_the_intervals_of_bca_are_in_the_csv_and_folded_on_the_page(tmp_path):
    means = {"full": 0.40, "less": 0.30, "once": 0.35, "twice": 0.35}
    rows = [
        each
        for each in noisy(means, seeds=4)
        if each["candidate"] not in ("once", "twice")
        or each["seed"] < {"once": 1, "twice": 2}[each["candidate"]]
    ]
    verdict = judged(rows, baseline="full")
    found = effects(verdict)
    lines = list(csv.DictReader(io.StringIO(effects_csv(found))))
    less, once, twice = lines
    assert float(less["bca_low"]) < float(less["mean"]) < float(less["bca_high"])
    assert {each["bca_low"] for each in (once, twice)} == {""}
    assert int(less["seeds_to_resolve_low"]) <= int(less["seeds_to_resolve_high"])
    assert twice["seeds_to_resolve_high"] == "", "two seeds"
    table = bca_table(found)
    assert [line.cells[2] for line in table.lines][1:] == ["\N{EN DASH}"] * 2
    assert table.lines[0].cells[2] == span_text(*found.bca[0], FIGURES["miou"])
    page = reports.write(study_of(rows, baseline="full"), rows, tmp_path).page.read_text()
    _, _, folded = page.partition("<summary>Intervals by BCa&#39;s bootstrap</summary>")
    assert table.lines[0].cells[2] in folded.partition("</details>")[0]
    assert bca_table(effects(judged(rows[:1] + rows[4:5], baseline="full"))) is None


def test_one_seed_has_effects_without_intervals():
    found = effects(judged([row("full", 0, 0.4), row("a", 0, 0.3)], baseline="full"))
    assert found.rows[0].word == "no spread known"
    line = effects_table(found).lines[0]
    assert line.cells[1:3] == ("\N{MINUS SIGN}10.0", "\N{EN DASH}")


def test_a_grid_of_more_places_than_a_machine_word_counts_is_matched_all_the_same():
    names = [f"factor {number:02}" for number in range(70)]
    plain = dict.fromkeys(names, "off")
    places = {"none": plain} | {name: {**plain, name: "on"} for name in names[-3:]}
    rows = noisy({name: 0.4 for name in places}, seeds=4)
    study = study_of(rows)
    for entry in study["plan"]:
        entry["factors"] = places[entry["candidate"]]
    found = effects(judge(study, frame(study, rows)))
    at = {(r["candidate"], r["seed"]): r["miou"] for r in rows}
    for each, name in zip(found.rows, names[-3:], strict=True):
        assert (each.change, each.against, each.settings) == (f"{name}=on", "off", 1)
        gaps = [at[name, seed] - at["none", seed] for seed in range(4)]
        assert each.found.value == pytest.approx(np.mean(gaps))


def test_a_grid_gives_the_mean_change_over_all_settings_of_the_others():
    found = effects(factorial())
    by_name = {each.change: each for each in found.rows}
    assert set(by_name) == {"fusion=bga", "head=wide"}
    assert by_name["fusion=bga"].found.value == pytest.approx(0.02, abs=0.001)
    assert by_name["head=wide"].found.value == pytest.approx(0.01, abs=0.001)
    assert {each.settings for each in found.rows} == {2}
    assert by_name["fusion=bga"].word == "resolved", "what seeds do to all alike falls out"


def test_a_setting_that_lacks_one_side_is_left_out_of_both():
    found = effects(factorial(without=("fusion=bga, head=wide",)))
    assert {each.change: each.settings for each in found.rows} == {"fusion=bga": 1, "head=wide": 1}
    assert found.interactions == ()
    gap = factorial(without=(("fusion=bga, head=wide", 0),))
    assert {each.found.n for each in effects(gap).rows} == {6}, "only seeds that all four have"


@pytest.mark.parametrize("extra", [0.0, 0.015])
def test_an_interaction_is_what_two_changes_do_beyond_their_sum(extra):
    (found,) = effects(factorial(extra=extra)).interactions
    assert found.change == "fusion=bga \N{MULTIPLICATION SIGN} head=wide"
    assert found.found.value == pytest.approx(extra, abs=0.0015)
    assert found.resolved == bool(extra)


def test_a_baseline_study_has_interactions_where_two_changes_were_also_made_together():
    parts = {
        "baseline": {"fusion": "bga", "head": "wide"},
        "sum": {"fusion": "sum", "head": "wide"},
        "thin": {"fusion": "bga", "head": "thin"},
        "both": {"fusion": "sum", "head": "thin"},
    }
    means = {"baseline": 0.40, "sum": 0.38, "thin": 0.39, "both": 0.35}
    rows = noisy(means, seeds=6, sd=0.0005)
    study = study_of(rows, baseline="baseline")
    for entry in study["plan"]:
        entry["parts"], entry["factors"] = parts[entry["candidate"]], {}
    (found,) = effects(judge(study, frame(study, rows))).interactions
    assert found.change == "fusion=sum \N{MULTIPLICATION SIGN} head=thin"
    assert found.found.value == pytest.approx(-0.02, abs=0.002)


CLASSES = ("road", "sky", "pole")


def matrices(dice, num, hit):
    """Confusion matrices of images: each class is met, and hit as often as ``hit`` says."""
    pixels = dice.integers(50, 400, (num, 3))
    hits = np.minimum(pixels, (pixels * np.clip(dice.normal(hit, 0.1, (num, 3)), 0, 1)).astype(int))
    out = np.zeros((num, 3, 3), dtype=np.int64)
    for true in range(3):
        out[:, true, true] = hits[:, true]
        out[:, true, (true + 1) % 3] = pixels[:, true] - hits[:, true]
    return out


def miou(matrix):
    hits = matrix.diagonal()
    return float(np.mean(hits / (matrix.sum(0) + matrix.sum(1) - hits)))


def test_resamples_move_the_miou_as_counting_again_would():
    counts = matrices(np.random.default_rng(0), 12, 0.7)
    found = moved(sparse(CLASSES, range(12), counts))
    times = np.random.default_rng(12).multinomial(12, np.full(12, 1 / 12), size=RESAMPLES)
    for place in (0, 500):
        drawn = np.einsum("i,ijk->jk", times[place], counts)
        assert found[place] == pytest.approx(miou(drawn) - miou(counts.sum(0)))


def test_a_class_without_labels_counts_as_the_study_says():
    counts = np.zeros((2, 3, 3), dtype=np.int64)
    counts[:, 0, 0], counts[:, 0, 2], counts[:, 1, 1] = 6, 2, 4
    kept = sparse(CLASSES, range(2), counts)
    from reports.images import _miou

    once = np.ones((1, 2))
    assert _miou(once, kept, "exclude")[0] == pytest.approx((6 / 8 + 1) / 2)
    assert _miou(once, kept, "cityscapes")[0] == pytest.approx((6 / 8 + 1 + 0) / 3)


def kept_rows(folder, hits, seeds=3, num=60, luck=0):
    dice, rows = np.random.default_rng(luck), []
    hard = dice.normal(0, 0.1, (num, 1))
    for name, hit in hits.items():
        for seed in range(seeds):
            counts = matrices(dice, num, hit + hard)
            key = f"{name}{seed}".ljust(16, "0")
            (folder / key).mkdir(parents=True)
            digest = save(sparse(CLASSES, range(num), counts), folder / key / FILE)
            score = miou(counts.sum(0))
            rows.append(row(name, seed, score, key=key, confusions_sha256=digest))
    return rows


def test_other_images_are_told_apart_from_other_seeds(tmp_path):
    rows = kept_rows(tmp_path, {"full": 0.8, "less": 0.7})
    verdict = judged(rows, baseline="full")
    images = images_of(verdict.kept, tmp_path)
    (less,) = effects(verdict, images).rows
    assert images.num_images == 60
    assert less.image_low < less.found.value < less.image_high < 0
    found = effects(verdict, images)
    assert effects_table(found).headings[3] == "95 % over images"
    assert "60 images drawn again" in effects_caption(found, images)[-1]
    assert "image_low" in effects_csv(found).splitlines()[0]
    lone = np.quantile(images.miou["full", 0], (0.025, 0.975))
    assert np.ptp(lone) > less.image_high - less.image_low, "paired on the same images"


def test_matrices_that_are_gone_or_others_leave_images_out(tmp_path):
    rows = kept_rows(tmp_path, {"full": 0.8, "less": 0.7})
    (tmp_path / rows[0]["key"] / FILE).unlink()
    verdict = judged(rows, baseline="full")
    (less,) = effects(verdict, images_of(verdict.kept, tmp_path)).rows
    assert less.image_low is None
    assert images_of(verdict.kept, None) is None
    assert images_of(verdict.kept, tmp_path / "nowhere") is None


def test_the_interval_over_images_holds_the_truth():
    dice, held, num = np.random.default_rng(7), 0, 80
    every = matrices(dice, 40_000, 0.75)
    truth, reps = miou(every.sum(0)), 240
    for _ in range(reps):
        counts = every[dice.integers(len(every), size=num)]
        low, high = np.quantile(moved(sparse(CLASSES, range(num), counts)), (0.025, 0.975))
        middle = miou(counts.sum(0))
        held += middle + low <= truth <= middle + high
    assert 0.93 - 0.012 <= held / reps <= 0.97 + 0.012, "a standard error beside"


def test_the_page_and_files_tell_effects_with_names_as_text(tmp_path):
    attack = "<script>x</script>"
    rows = noisy({"full": 0.40, attack: 0.30}, seeds=3)
    found = reports.write(study_of(rows, baseline="full"), rows, tmp_path)
    page = found.page.read_text()
    assert ">Effects</h2>" in page and "resolved if noise is normal" in page
    assert attack not in page and "&lt;script&gt;" in page
    assert attack not in found.files["effects.md"].read_text()
    assert attack not in found.files["fronts.md"].read_text()
    lines = found.files["effects.csv"].read_text().splitlines()
    assert lines[0].startswith("kind,change,against,num_settings,num_seeds,mean,sd,low,high")
    assert len(lines) == 2
