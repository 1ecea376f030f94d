"""A ledger's password is in nothing that a run leaves or says."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sql
from postgres import PASSWORD

from harness import cli
from harness.ledger import Ledger, shown
from harness.ledger.database import _url_of, scrubbed

SECRETS = {PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD), "Tr0ub"}
STUDY = """
from harness import Architecture, Part, Recipe, Study, Timing
DATA = Part("streets", size=(32, 64), train=4, val=2)
study = Study(
    name="tiny", question="Does it run?",
    space=Architecture(
        detail=Part("detail_branch", width=4), semantic="none", head=Part("seg", width=4)
    ),
    recipe=Recipe(dataset=DATA, crop=(32, 32), steps=2, batch=2, warmup_steps=1),
    timing=Timing(rounds=1, burst=1, warmup=1, threads=1),
)
"""


def leaks(data):
    """What of the password some bytes hold."""
    return {secret for secret in SECRETS if secret.encode() in data}


def everything_in(url):
    """All that all tables of a database hold."""
    engine = sql.create_engine(_url_of(url))
    with engine.connect() as connection:
        tables = sql.inspect(connection).get_table_names()
        rows = [list(connection.exec_driver_sql(f"SELECT * FROM {name}")) for name in tables]
    engine.dispose()
    return str(rows).encode()


def check_files(folder):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    assert {str(path): leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}
    assert not [path for path in Path(folder).rglob("*") if leaks(str(path).encode())]


@pytest.mark.parametrize("more", [[], ["--json", "--workers", "2"]], ids=["plain", "json"])
def test_a_run_leaves_no_password_anywhere(tmp_path, postgres, more):
    (tmp_path / "tiny.py").write_text(STUDY)
    words = [sys.executable, "-m", "harness.cli", "run", "tiny.py", "--ledger", postgres, *more]
    environment = {**os.environ, "PGPASSWORD": PASSWORD}
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    assert leaks(ran.stdout + ran.stderr) == set()
    check_files(tmp_path)
    assert b"miou" in everything_in(postgres)
    assert leaks(everything_in(postgres)) == set()


def said(capsys, *words):
    """The one line that a command says of a mistake, without a password."""
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert leaks(line.encode()) == set()
    return line


WRONG = {
    "no server": f"postgresql://me:{quote(PASSWORD, safe='')}@127.0.0.1:1/db",
    "no host": f"postgresql://me:{quote(PASSWORD, safe='')}@no.invalid/db",
    "raw": f"postgresql://me:{PASSWORD}@127.0.0.1:1/db",
    "raw, with an option": f"postgresql://me:{PASSWORD}@127.0.0.1:1/db?connect_timeout=1",
    "port": f"postgresql://me:{quote(PASSWORD, safe='')}@127.0.0.1:port/db",
    "option": f"postgresql://me@127.0.0.1:1/db?password={quote(PASSWORD, safe='')}",
    "driver": f"nosuch://me:{quote(PASSWORD, safe='')}@127.0.0.1/db",
    "one slash": f"postgresql:/me:{PASSWORD}@127.0.0.1/db",
    "no scheme": f"://me:{quote(PASSWORD, safe='')}@127.0.0.1/db",
}


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_no_mistake_in_a_url_shows_its_password(tmp_path, monkeypatch, capsys, url):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(STUDY)
    assert "ledger" in said(capsys, "run", "tiny.py", "--ledger", url)
    assert "ledger" in said(capsys, "report", "tiny", "--ledger", url)
    check_files(tmp_path)


def test_a_misspelt_option_shows_no_password(capsys):
    url = WRONG["no server"]
    assert "unrecognized arguments" in said(capsys, "run", "fusion", "--ledgr", url)
    assert "unrecognized arguments" in said(capsys, "run", "fusion", f"--ledgr={url}")


def test_a_wrong_password_is_refused_without_it(server, capsys):
    line = said(capsys, "report", "tiny", "--ledger", server.url("postgres", PASSWORD[:-1]))
    assert "password authentication failed" in line


def test_what_a_database_refuses_in_a_run_is_said_without_it(postgres, capsys):
    ledger = Ledger(postgres)
    engine = sql.create_engine(_url_of(postgres))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE studies")
    engine.dispose()
    with pytest.raises(sql.exc.ProgrammingError) as caught:
        ledger.studies()
    assert leaks(str(caught.value).encode() + repr(ledger._database.engine).encode()) == set()
    assert "could not go on" in said(capsys, "report", "tiny", "--ledger", postgres)


def test_a_url_is_shown_without_what_is_secret_in_it():
    known = {
        "postgresql://me:secret@host:5432/db": "postgresql://me:***@host:5432/db",
        "postgresql://me:se@cr:et/@host/db": "postgresql://me:***@host/db",
        "postgresql://me@host/db": "postgresql://me@host/db",
        "postgresql:///db?host=/run&sslpassword=secret&x=1": (
            "postgresql:///db?host=/run&sslpassword=***&x=1"
        ),
        "runs/ledger.db": "runs/ledger.db",
        "sqlite:///runs/a@b.db": "sqlite:///runs/a@b.db",
        "me:secret@host": "me:***@host",
    }
    assert {url: shown(url) for url in known} == known
    url = f"postgresql://me:{quote(PASSWORD, safe='')}@host/db"
    assert scrubbed(f"{PASSWORD} and {quote(PASSWORD, safe='')} of me", url) == "*** and *** of me"
