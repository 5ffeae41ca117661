"""The password files that `hotline setup files` writes for a database server of one's own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from hotline.cli import main
from hotline.cli.setup import passfile_line, write_secret
from hotline.secrets import load_or_create
from hotline.settings import Settings, SettingsError
from hotline.settings_sections import Database


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://hotline@db/hotline", "db:5432:hotline:hotline:s3cret\n"),
        ("postgresql://me@db.example:6432/city", "db.example:6432:city:me:s3cret\n"),
        ("postgresql://a%3Ab@db/x", "db:5432:x:a\\:b:s3cret\n"),
        ("postgresql://db", "db:5432:*:*:s3cret\n"),
    ],
)
def test_the_line_fits_the_url(tmp_path: Path, url: str, line: str) -> None:
    assert passfile_line(Settings(home=tmp_path, database=Database(url=url)), "s3cret") == line


def test_the_embedded_database_needs_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"database\.url"):
        passfile_line(Settings(home=tmp_path), "s3cret")


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "pgpass"
    path.write_text("old")
    write_secret(path, "new", 0o600)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.asterisk
def test_files_says_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", "postgresql://hotline@db/hotline")
    result = CliRunner().invoke(main, ["setup", "files", "--json", "--database-password", str(tmp_path / "password")])
    made = json.loads(result.output)
    assert set(made) == {"asterisk_conf", "database_password", "passfile"}
    assert all(Path(path).is_file() for path in made.values())


def test_database_says_so_in_json(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(Settings(home=tmp_path), [])
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setenv("HOTLINE_DATABASE__URL", database_url.replace("+psycopg", ""))
    result = CliRunner().invoke(main, ["setup", "database", "--json"])
    assert (result.exit_code, json.loads(result.output)) == (0, {"up_to_date": True})
