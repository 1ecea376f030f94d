"""The code of docs/plugins.md is run as the page says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import cli, contracts
from harness.components import REGISTRIES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "plugins.md").read_text()
FILES = dict(re.findall(r"`(\w+\.py)`[^`\n]*:\n\n```python\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = re.findall(r"^```bash\n(.*?)\n```$", PAGE, re.M | re.S)
[RUN, TEST] = COMMANDS


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A folder with the files of the page, in which the test then is."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_block_of_python_is_a_file_with_a_name():
    assert len(FILES) == PAGE.count("```python\n") == 8


def test_the_study_runs_with_the_parts(page):
    study = page / "my_parts.py"
    text = study.read_text()
    assert text.count("steps=20") == 1
    study.write_text(text.replace("steps=20", "steps=2"))
    assert cli.main(shlex.split(RUN)[1:]) == 0
    [table] = page.glob("runs/reports/*/table.md")
    for part in ("two_convs", "plain_pyramid", "last_two", "large_kernel", "ends"):
        assert part in table.read_text()


def test_the_parts_keep_their_contracts_as_the_page_tests_them(page):
    words = [sys.executable, "-m", *shlex.split(TEST), "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    kinds = re.findall(r'suite\("(\w+)", "\w+"\)', FILES["test_my_parts.py"])
    number = sum(len(contracts.CHECKS[kind]) for kind in kinds)
    assert f"{number} passed" in done.stdout


def test_the_data_set_is_read_as_the_page_says(page, capsys):
    for number, split in enumerate(("train", "val")):
        (page / "garden" / split).mkdir(parents=True)
        Image.new("RGB", (40, 32), (90 * number, 0, 0)).save(page / "garden" / split / "a.jpg")
        mask = np.arange(32 * 40, dtype=np.uint8).reshape(32, 40) % 2
        Image.fromarray(mask).save(page / "garden" / split / "a_mask.png")
    [command] = re.findall(r"`(twopath check-data [^`]+)`", PAGE)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_the_page_has_a_part_of_every_kind_but_the_readmes():
    kinds = set(re.findall(r'suite\("(\w+)", "\w+"\)', FILES["test_my_parts.py"]))
    assert kinds == REGISTRIES.keys() - {"fusion"}


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)", PAGE))
def test_every_link_leads_somewhere(target):
    assert (ROOT / "docs" / target).exists()
