"""Building the pages: what is built again and what is not, and what is said when it cannot be."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from hotline import pages as served
from tools import build_pages, cache, get_browser
from tools.console import Trouble
from tools.get_node import Node, new_enough

NPM = """\
#!/bin/sh
echo "$@" >> "$CALLS"
case "$1" in
  ci) mkdir -p node_modules; sed 's/"": {}, //' package-lock.json > node_modules/.package-lock.json ;;
  run) [ -e broken ] && { echo "Error: no such import"; exit 1; }
       mkdir -p "$PAGES_OUT/assets"; echo hello > "$PAGES_OUT/index.html"
       head -c 4000 /dev/zero > "$PAGES_OUT/assets/a.js"; echo small > "$PAGES_OUT/assets/b.js" ;;
esac
"""
LOCK = {"packages": {"": {}, "node_modules/vue": {"integrity": "a"}, "node_modules/mac": {"optional": True}}}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages of two files, and an npm that writes down what it is asked for."""
    pages, venv = tmp_path / "pages", tmp_path / ".venv"
    (pages / "src").mkdir(parents=True)
    venv.mkdir()
    (pages / "src" / "main.ts").write_text("1", encoding="utf-8")
    (pages / "package-lock.json").write_text(json.dumps(LOCK), encoding="utf-8")
    npm = tmp_path / "npm"
    npm.write_text(NPM, encoding="utf-8")
    npm.chmod(0o755)
    for name, value in {"PAGES": pages, "STATE": venv / "pages.json", "LOG": venv / "pages.log"}.items():
        monkeypatch.setattr(build_pages, name, value)
    monkeypatch.setattr(served, "STATE", venv / "pages.json")
    monkeypatch.setattr(build_pages, "get_node", lambda lock: Node("22.12.0", str(tmp_path), (str(npm),)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    (tmp_path / "calls").touch()
    cache.lock_file()
    return tmp_path / "calls"


def asked(calls: Path) -> list[str]:
    """The first words of what npm was asked for since the last time."""
    lines = calls.read_text(encoding="utf-8").splitlines()
    calls.write_text("", encoding="utf-8")
    return [line.split()[0] for line in lines]


def test_what_has_not_changed_is_not_built_again(calls: Path) -> None:
    assert build_pages.build() == 0
    assert asked(calls) == ["ci", "run"]
    folder = served.built_pages()
    assert (folder / "index.html").read_text(encoding="utf-8") == "hello\n"
    assert gzip.decompress((folder / "assets" / "a.js.gz").read_bytes()) == bytes(4000)
    assert sorted(path.name for path in folder.rglob("*.gz")) == ["a.js.gz"], "what is small stays as it is"
    (build_pages.PAGES / "dist").mkdir()
    (build_pages.PAGES / "dist" / "old.js").touch()
    assert build_pages.build() == 0
    assert asked(calls) == [], "what npm leaves in the folder is no source"
    (build_pages.PAGES / "src" / "main.ts").write_text("2", encoding="utf-8")
    assert build_pages.build() == 0
    assert asked(calls) == ["run"], "the packages are still those of the lock"
    assert served.built_pages() != folder
    (build_pages.PAGES / "src" / "main.ts").write_text("1", encoding="utf-8")
    assert build_pages.build() == 0
    assert asked(calls) == [], "the first build is still there"
    assert served.built_pages() == folder


def test_other_packages_in_the_lock_are_installed(calls: Path) -> None:
    build_pages.build()
    asked(calls)
    lock = json.loads(json.dumps(LOCK).replace('"a"', '"b"'))
    (build_pages.PAGES / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    assert not build_pages.installed()
    assert build_pages.build() == 0
    assert asked(calls) == ["ci", "run"]


def test_sources_that_do_not_build_are_told_from_a_machine_that_cannot(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_pages.build()
    folder = served.built_pages()
    (build_pages.PAGES / "broken").touch()
    assert build_pages.build() == build_pages.BROKEN
    told = capsys.readouterr().out
    assert "NO PAGES: building the pages: Error: no such import" in told
    assert "an older build of them is served" in told
    assert served.built_pages() == folder
    asked(calls)
    assert build_pages.build() == build_pages.BROKEN
    assert asked(calls) == [], "the same again an hour later"
    assert build_pages.build(again=True) == build_pages.BROKEN
    assert asked(calls) == ["run"]

    def nothing(lock: Path) -> Node:
        raise Trouble("no network")

    monkeypatch.setattr(build_pages, "get_node", nothing)
    assert build_pages.build(again=True) == build_pages.UNAVAILABLE
    assert build_pages.check() == 0
    assert "PAGES NOT CHECKED: no network" in capsys.readouterr().out


def test_without_pages_the_hotline_starts_all_the_same(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(lock: Path) -> Node:
        raise Trouble("no network")

    monkeypatch.setattr(build_pages, "get_node", nothing)
    assert build_pages.build() == build_pages.UNAVAILABLE
    assert "calls and the API work without" in capsys.readouterr().out
    assert served.built_pages() == build_pages.CHECKOUT / "pages" / "dist"


@pytest.mark.parametrize("damage", ["", "[]", '{"folder": 3}', '{"folder": "/no/such/folder", "sources": 1}'])
def test_a_damaged_note_is_made_anew(calls: Path, damage: str) -> None:
    build_pages.STATE.write_text(damage, encoding="utf-8")
    assert served.built_pages() == build_pages.CHECKOUT / "pages" / "dist"
    assert build_pages.build() == 0
    assert served.built_pages().is_dir()


def test_a_few_builds_are_kept(calls: Path) -> None:
    for number in range(build_pages.KEPT + 2):
        (build_pages.PAGES / "src" / "main.ts").write_text(str(number), encoding="utf-8")
        assert build_pages.build() == 0
        kept = served.built_pages().parent / "complete"
        os.utime(kept, (time.time(), 1000 + number))
    assert len(list(cache.cache_folder().glob("pages-*"))) == build_pages.KEPT
    assert served.built_pages().is_dir()


def test_a_check_that_passed_is_not_made_again(calls: Path) -> None:
    build_pages.build()
    asked(calls)
    assert build_pages.check() == 0
    assert build_pages.check() == 0
    assert asked(calls) == ["run"]
    assert build_pages.build() == 0
    assert build_pages.state()["checked"] == build_pages.sources()


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("18.20.8", False),
        ("20.18.3", False),
        ("20.19.0", True),
        ("21.7.3", False),
        ("22.11.0", False),
        ("24.0.1", True),
    ],
)
def test_which_node_is_new_enough(version: str, good: bool) -> None:
    assert new_enough(version) is good


def test_the_pages_lock_names_no_registry() -> None:
    text = (build_pages.CHECKOUT / "pages" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    packages: Mapping[str, Mapping[str, object]] = json.loads(text)["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_a_browser_that_is_named_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_BROWSER", "/bin/true")
    with pytest.raises(Trouble, match="HOTLINE_BROWSER=/bin/true is no Chromium"):
        get_browser.get_browser()


def test_the_unpacked_browser_finds_its_libraries_and_fonts_wherever_it_is_moved(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for name in ("usr/lib/x86_64-linux-gnu/pulseaudio", "usr/lib/chromium"):
        (folder / "root" / name).mkdir(parents=True)
    program = folder / "root" / "usr/lib/chromium/chromium-headless-shell"
    program.write_text('#!/bin/sh\necho "Chromium 150.0.1.2 $LD_LIBRARY_PATH"\n', encoding="utf-8")
    program.chmod(0o755)
    get_browser.write_wrapper(folder)
    moved = folder.rename(tmp_path / "moved")
    found = get_browser._describe(str(moved / "bin" / "chromium"))
    assert found is not None
    assert found.version == "150.0.1.2"


def test_an_image_keeps_what_builds_them_apart_from_what_was_built(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build_pages.main(["--install"]) == 0
    assert asked(calls) == ["ci"]
    assert build_pages.build() == 0
    assert asked(calls) == ["run"]

    def nothing(lock: Path) -> Node:
        raise Trouble("no network")

    monkeypatch.setattr(build_pages, "get_node", nothing)
    assert build_pages.main(["--install"]) == build_pages.UNAVAILABLE
    assert "NOTHING TO BUILD PAGES WITH: no network" in capsys.readouterr().out
