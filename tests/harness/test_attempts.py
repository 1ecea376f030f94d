"""Folders of attempts at a trial: what is left in them once it has ended."""

from harness.attempts import CHECKPOINT, folder_of, forget

KEY = "0123456789abcdef0123"


def test_what_killed_attempts_had_begun_to_write_goes_with_their_checkpoints(tmp_path):
    first, second = (folder_of(tmp_path, KEY, attempt) for attempt in (1, 2))
    for folder in (first, second):
        folder.mkdir()
        (folder / f"{CHECKPOINT}.4711.partial").write_bytes(b"half")
    (first / CHECKPOINT).write_bytes(b"whole")
    (second / "weights.pt").write_bytes(b"kept")
    forget((second, first))
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        second.name, f"{second.name}/weights.pt",
    ]  # fmt: skip


def test_an_attempt_without_a_folder_is_forgotten_without_a_word(tmp_path):
    forget((folder_of(tmp_path, KEY, 3),))
    assert not list(tmp_path.iterdir())
