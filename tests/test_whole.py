"""Files are written whole or not at all, and what hinders that names them."""

import errno
import os

import pytest

from harness.whole import is_disk_full, naming, write_whole


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
