"""A receipt holds all that its figures are made from, nothing private, and shows any change."""

import copy
import getpass
import json
import platform
from pathlib import Path

import pytest
import torch
from made_up_receipts import NAMES, bursts, content
from torch import nn

from harness.measure import provenance, receipt
from harness.measure.evidence import watch
from harness.measure.figured import TWIN, ratios_of, rows_of
from harness.measure.finding import Finding
from harness.measure.headline import headline
from harness.measure.latency import time_together
from harness.measure.provenance import identity, model_facts, now, receipt_of, variables
from harness.measure.receipt import as_bursts, as_lists, id_of, read, sealed, without_private, write
from harness.measure.recheck import MOST_ROUNDS, verify
from harness.study import Timing

CPU = torch.device("cpu")


def written(tmp_path, made):
    return tmp_path / f"{write(tmp_path, made)}.json"


def test_a_receipt_is_named_by_its_content_and_holds_true(tmp_path):
    path = written(tmp_path, content())
    found = read(path)
    assert path.stem == found["id"] == id_of(found) and len(path.stem) == 64
    assert verify(path) == []
    assert found["headline_ok"] is True
    assert found["ratios"][0]["answer"] == "slower"
    assert path.stat().st_size < 100_000
    assert [each.name for each in tmp_path.iterdir()] == [path.name], "nothing half-written"


def test_the_same_content_is_the_same_receipt(tmp_path):
    assert write(tmp_path, content()) == write(tmp_path, content())
    turned = dict(reversed(content().items()))
    assert sealed(turned)["id"] == sealed(content())["id"]


def test_bursts_come_back_as_they_went():
    assert as_bursts(json.loads(json.dumps(as_lists(bursts())))) == bursts()


def test_content_that_json_does_not_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path, content(counts={"gmacs": float("nan")}))
    assert list(tmp_path.iterdir()) == []


def put(made, path, value):
    """Sets a place in nested content."""
    *way, last = path
    for step in way:
        made = made[step]
    assert last in made or isinstance(made, list)
    assert made[last] != value
    made[last] = value


CHANGES = {
    "a sample": (("bursts", 0, 5, 0), 1),
    "every sample of a burst": (("bursts", 0, 5), [1] * 5),
    "a sample of the other figure": (("bursts", 1, 5), [1] * 5),
    "an arm": (("bursts", 0, 0), "slow"),
    "a round": (("bursts", 0, 2), 3),
    "a median": (("rows", "slow", "latency_ms"), 1.0),
    "the last digits of a median": (("rows", "slow", "latency_ms"), 1.1620001),
    "an interval": (("rows", "slow", "latency_low_ms"), 1.0),
    "a tail that is not known": (("rows", "slow", "latency_p99_ms"), 1.0),
    "another figure": (("rows", "fast", "latency_t_thr_ms"), 0.5),
    "a round's value": (("rows", "fast", "latency_rounds_ns", 3), 5),
    "a column that all rows share": (("rows", "fast", "latency_ended"), "never"),
    "the number of rounds": (("protocol", "latency_rounds"), 90),
    "the twin": (("protocol", "latency_twin_ratio"), 1.0),
    "a ratio": (("ratios", 0, "value"), 1.5),
    "an answer": (("ratios", 0, "answer"), "faster"),
    "a headline": (("headlines", "slow", "headline_ok"), False),
    "a finding": (("models", "slow", "findings"), [{"name": "a", "where": "b", "told": "c"}]),
    "the evidence": (("evidence", "findings"), [{"name": "co_tenant_cpu"}]),
    "the verdict": (("evidence", "verdict"), "violated"),
    "the command": (("identity", "command"), "twopath time"),
    "a figure without samples": (("figures",), ["t_gpu"]),
}  # fmt: skip
ONLY_BY_ID = ("the command",)


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_seen(tmp_path, change):
    path = written(tmp_path, content())
    made = read(path)
    put(made, *CHANGES[change])
    path.write_text(json.dumps(made))
    assert any(each.startswith("id ") for each in verify(path)) or "malformed" in verify(path)[0]


@pytest.mark.parametrize("change", [each for each in CHANGES if each not in ONLY_BY_ID])
def test_a_figure_that_does_not_follow_is_seen_though_the_id_is_right(tmp_path, change):
    made = content()
    before = copy.deepcopy(made)
    put(made, *CHANGES[change])
    assert made != before
    found = verify(written(tmp_path, made))
    assert found and not any(each.startswith("id ") for each in found)


def test_what_does_not_match_is_named_with_both_values(tmp_path):
    made = content()
    made["rows"]["slow"]["latency_ms"] = 0.5
    [told] = verify(written(tmp_path, made))
    assert told.startswith("rows.slow.latency_ms is 0.5, and from the rest follows 1.1")


def test_a_figure_that_is_left_out_is_missed(tmp_path):
    made = content()
    del made["rows"]["slow"]["latency_high_ms"]
    assert any(
        "rows.slow.latency_high_ms is missing" in each for each in verify(written(tmp_path, made))
    )


BAD_SAMPLES = [0, -5, 10**13, 10**400, 1.5, True, "7", None, [1]]


@pytest.mark.parametrize("sample", BAD_SAMPLES, ids=lambda each: str(each)[:6])
def test_a_sample_that_no_clock_gave(tmp_path, sample):
    made = content()
    made["bursts"][0][5][0] = sample
    assert "malformed" in verify(written(tmp_path, made))[0]


@pytest.mark.parametrize(
    "lists", [[], [["fast"]], [["fast", "t_e2e", 0, 0, 0, []]], [[1] * 6], "text", 7, [[{}] * 6]]
)
def test_bursts_that_are_none(tmp_path, lists):
    assert "malformed" in verify(written(tmp_path, {**content(), "bursts": lists}))[0]


def test_samples_of_nobody(tmp_path):
    made = content()
    made["bursts"][0][0] = "nobody"
    assert "'nobody', which has no row" in verify(written(tmp_path, made))[0]


def test_ratios_hold_at_once():
    names = [*NAMES, TWIN]
    assert [each["confidence"] for each in ratios_of(bursts(), names, ["t_e2e"])] == [0.975] * 2


@pytest.mark.parametrize("number", [MOST_ROUNDS, -1, 0.5, "a"])
def test_rounds_that_are_none(tmp_path, number):
    made = content()
    made["bursts"][0][2] = number
    assert "malformed" in verify(written(tmp_path, made))[0]


@pytest.mark.parametrize(
    "name",
    ["rows", "bursts", "figures", "ratios", "protocol", "headlines", "evidence", "headline_ok"],
)
@pytest.mark.parametrize("value", [None, [], {}, 7, "text", "left out"])
def test_a_part_that_is_something_else_or_not_there(tmp_path, name, value):
    made = {**content(), name: value}
    if value == "left out":
        del made[name]
    assert verify(written(tmp_path, made))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"schema": NaN}', "NaN is not a number of JSON"),
        ('{"schema": 1, "schema": 2}', "there twice"),
        ("[" * 100_000, "is not JSON"),
        ("9" * 5_000, "is not JSON"),
        ("[]", "is no receipt: its JSON is no object"),
        ("{}", "is no receipt: it has no 'schema'"),
        ('{"schema": 99}', "is a receipt of schema 99, and this twopath reads 1"),
        ('{"schema": true}', "is a receipt of schema true, and"),
        ('{"schema": 1}', "malformed: it has no 'bursts'"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"\x80\x04\x95pickle", "is not JSON"),
    ],
)
def test_what_is_no_receipt_is_told(tmp_path, text, told):
    path = tmp_path / "it.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    [found] = verify(path)
    assert told in found and "\n" not in found


def test_a_file_that_is_not_there_or_too_large(tmp_path, monkeypatch):
    assert verify(tmp_path / "none.json") == ["it cannot be read: No such file or directory"]
    assert "is no file" in verify(tmp_path)[0]
    path = written(tmp_path, content())
    monkeypatch.setattr(receipt, "MOST_BYTES", 10)
    assert "too large" in verify(path)[0]


@pytest.mark.parametrize("depth", [100, 900, 2_000, 50_000])
def test_a_receipt_that_is_deep(tmp_path, depth):
    path = written(tmp_path, content())
    deep = "[" * depth + "]" * depth
    path.write_text(path.read_text().replace('"schema":1', f'"deep":{deep},"schema":1'))
    assert verify(path)


def test_a_strangers_words_do_nothing_to_a_terminal(tmp_path):
    made = content()
    made["rows"]["\x1b[2J\n\ud800"] = {}
    [told] = verify(written(tmp_path, made))
    made = content()
    made["rows"]["slow"]["latency_ms"] = "\x1b[2J\n\ud800"
    [other] = verify(written(tmp_path, made))
    for each in (told, other):
        assert each.isprintable() and each.encode("utf-8")
    assert r"\x1b[2J\n\ud800" in other


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evidence": {}}, "unproven: nobody looked"),
        (
            {"evidence": {"verdict": "violated", "reasons": ["gpu: x"], "findings": [{}]}},
            "violated: gpu: x",
        ),
        ({"identity": {"git_dirty": True}}, "in no commit"),
        (
            {"models": {"slow": {"findings": [{"name": "n", "where": "w", "told": "t"}]}}},
            "n at w: t",
        ),
    ],
)
def test_why_a_figure_is_no_headline(changes, told):
    found = headline(content(**changes), "slow")
    assert not found["headline_ok"]
    assert told in found["reasons"][0]
    assert found["ratios_only"] is ("violated" in told)


@pytest.mark.parametrize(
    ("row", "protocol", "told"),
    [
        ({}, {"latency_ended": "time"}, "ended before"),
        ({}, {"latency_twin": "faster"}, "found faster than its own copy"),
        ({"latency_steady": False}, {}, "not steady"),
        ({"latency_low_ms": None}, {}, "too few rounds"),
    ],
)
def test_why_a_session_is_no_headline(row, protocol, told):
    made = content()
    made["rows"]["slow"] |= row
    made["protocol"] |= protocol
    [reason] = headline(made, "slow")["reasons"]
    assert told in reason


def test_nothing_private_stays(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    monkeypatch.setattr(platform, "node", lambda: "lab-7.example.org")
    secret = {
        "command": f"twopath run {Path.home()}/my/nets.py:Model --ledger postgresql://jdoe:pw@db:5/x",
        "told": ["/opt/data/cam/it.png is damaged", "lab-7.example.org", "for jdoe on lab-7"],
        "card": "CUDA_VISIBLE_DEVICES=GPU-8f6ee5ae-6a2c-11ee-b962-0242ac120002",
        "windows": r"C:\Users\jdoe\nets.py",
    }
    text = json.dumps(without_private(secret))
    for word in (
        str(Path.home()) + "/",
        "my/",
        "opt",
        "data/",
        "jdoe",
        "lab-7",
        "pw",
        "8f6ee5ae",
        "Users",
    ):
        assert word not in text, word
    for word in ("nets.py:Model", "it.png is damaged", "twopath run", "GPU-"):
        assert word in text, word


@pytest.mark.parametrize(
    "text",
    ["cpu: /proc/pressure/cpu cannot be read", "a / b / c", "512x1024", "t_e2e", "3/4 of 1/2"],
)
def test_what_is_not_private_stays_as_it_is(text):
    assert without_private({"a": [text, 1, None, True]}) == {"a": [text, 1, None, True]}


def test_candidates_that_only_their_folders_tell_apart_are_refused():
    with pytest.raises(ValueError, match="two of these are one"):
        without_private({"/a/b/n.py:Net": 1, "/c/d/n.py:Net": 2})


def test_variables_that_may_hold_a_secret_are_left_out():
    given = {
        "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0", "NVIDIA_API_KEY": "k",
        "TORCH_TOKEN": "t", "HOME": "/x", "PATH": "/y", "AWS_SECRET": "z", "TORCH_HOME": "/h",
    }  # fmt: skip
    assert variables(given) == {"CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "2"}


def small(width):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU()).eval()


def test_a_real_session_is_made_again_to_the_bit(tmp_path):
    timing = Timing(
        warmup=1, warmup_s=0.01, rounds=7, burst=2, limit_s=0.01, figures=("t_e2e", "t_thr")
    )
    networks = {"a": small(4), "b": small(8)}
    started = now()
    session = time_together(networks, timing, (32, 48), CPU, watch=watch)
    finding = Finding(name="dead_head", where="1", told="made up")
    models = {n: model_facts(m, weights="random(seed=0)") for n, m in networks.items()}
    models["b"] = model_facts(networks["b"], weights="random(seed=0)", findings=[finding])
    made = receipt_of(
        session,
        figures=timing.figures,
        device=CPU,
        models=models,
        about=identity("twopath time a b", started),
    )
    for name, row in rows_of(session.bursts, ["a", "b"], timing.figures).items():
        assert {column: session.rows[name][column] for column in row} == row
    path = written(tmp_path, made)
    assert verify(path) == []
    found = read(path)
    assert found["headlines"]["b"]["reasons"][-1] == "dead_head at 1: made up"
    assert f"torch=={torch.__version__.partition('+')[0]}" in " ".join(
        found["software"]["distributions"]
    )
    assert found["device"]["host_id"] and found["software"]["switches"]["cpu_capability"]
    assert str(Path.cwd()) not in path.read_text()
    assert len(path.read_text()) < 100_000


def test_weights_and_code_are_told_apart_by_hash():
    one, two, other = small(4), small(4), small(8)
    facts = [model_facts(each, weights="w") for each in (one, two, other)]
    assert facts[0] == facts[1]
    assert facts[0]["weights_sha256"] != facts[2]["weights_sha256"]
    with torch.no_grad():
        two[0].bias += 1
    assert model_facts(two, weights="w")["weights_sha256"] != facts[0]["weights_sha256"]
    traced = torch.fx.symbolic_trace(one)
    assert model_facts(traced, weights="w")["code_sha256"] != facts[0]["code_sha256"]
    assert model_facts(one, weights="w", backend="eager")["backend"] == "eager"


def test_a_checkout_says_its_commit_and_whether_code_was_changed(tmp_path):
    assert provenance.git_state(tmp_path) == (None, None)
    run = lambda *words: provenance._git(tmp_path, *words)  # noqa: E731
    run("init", "-q")
    for name, value in (("user.email", "a@b.c"), ("user.name", "a"), ("commit.gpgsign", "false")):
        run("config", name, value)
    (tmp_path / "harness").mkdir()
    file = tmp_path / "harness" / "a.py"
    file.write_text("1\n")
    run("add", "-A")
    run("commit", "-qm", "first")
    sha, dirty = provenance.git_state(tmp_path)
    assert len(sha) == 40 and dirty is False
    (tmp_path / "notes.txt").write_text("not code")
    assert provenance.git_state(tmp_path) == (sha, False)
    (file.parent / "new.py").write_text("2\n")
    assert provenance.git_state(tmp_path) == (sha, True)
