"""Files are written whole or not at all, and what hinders that names them."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.whole import disk_of, drafts, is_disk_full, naming, write_whole


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_file_that_was_and_is_told_by_it(tmp_path, monkeypatch, number):
    file = tmp_path / "below" / "file"
    write_whole(file, b"one")

    def full(_):
        raise OSError(number, "no room")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"no room: .*below/file'") as caught:
        write_whole(file, b"two")
    assert is_disk_full(caught.value)
    assert [(each, each.read_bytes()) for each in file.parent.iterdir()] == [(file, b"one")]


def test_what_must_come_before_the_new_name_finds_the_old_file(tmp_path):
    file, seen = tmp_path / "file", []
    write_whole(file, b"one")
    write_whole(file, b"two", before=lambda: seen.append(file.read_bytes()))
    assert (seen, file.read_bytes()) == ([b"one"], b"two")


def test_a_name_that_the_system_gave_stays(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, naming(tmp_path / "other"):
        (tmp_path / "gone").read_bytes()
    assert caught.value.filename == str(tmp_path / "gone")
    assert not is_disk_full(caught.value) and not is_disk_full(ValueError())


def test_an_error_with_the_draft_names_the_file_and_one_of_another_file_stays(tmp_path):
    taken = tmp_path / "taken"
    (taken / "below").mkdir(parents=True)
    with pytest.raises(OSError, match="taken") as caught:
        write_whole(taken, b"one")  # the system names the draft, and the folder beside it
    assert (caught.value.filename, caught.value.filename2) == (str(taken), None)
    long = tmp_path / ("x" * 256)
    with pytest.raises(OSError, match="too long") as caught:
        write_whole(long, b"one")
    assert caught.value.filename == str(long)

    def read():
        yield (tmp_path / "gone").read_text()

    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "file", read())
    assert caught.value.filename == str(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == [taken]


def test_a_draft_that_cannot_be_begun_names_the_file(tmp_path, monkeypatch):
    def refused(self, *_):
        raise PermissionError(errno.EACCES, "not allowed", str(self))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError, match=r"not allowed: .*/file'$"):
        write_whole(tmp_path / "file", b"one")


def test_threads_that_write_one_file_do_not_meet(tmp_path):
    file, texts = tmp_path / "file", [f"{number}" * 1000 for number in range(8)]

    def write(text):
        for _ in range(50):
            write_whole(file, text, lasting=False)

    with ThreadPoolExecutor(len(texts)) as threads:
        list(threads.map(write, texts))
    assert file.read_text() in texts and list(tmp_path.iterdir()) == [file]


def test_two_writings_at_once_have_a_draft_each_that_is_found(tmp_path):
    file, seen = tmp_path / "file", []

    def look():
        seen.append({*drafts(tmp_path)})

    write_whole(file, b"one", before=lambda: (look(), write_whole(file, b"two", before=look)))
    assert [len(each) for each in seen] == [1, 2] and seen[0] < seen[1]
    assert drafts(tmp_path) == [] and file.read_bytes() == b"one"


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path, letter):
    name = letter * (255 // len(letter.encode()))
    seen = []
    write_whole(tmp_path / name, b"one", before=lambda: seen.extend(drafts(tmp_path)))
    assert (tmp_path / name).read_bytes() == b"one"
    assert len(seen) == 1 and len(os.fsencode(seen[0].name)) <= 255


def test_where_a_disk_is_mounted_is_on_that_disk(tmp_path, monkeypatch):
    assert disk_of("/") == Path("/")
    mount = tmp_path.resolve() / "mount"
    monkeypatch.setattr(Path, "is_mount", lambda self: self in (mount, Path("/")))
    assert disk_of(mount) == disk_of(mount / "new" / "file") == mount
    assert disk_of(tmp_path) == Path("/")
