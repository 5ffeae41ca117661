"""Packages without installing them: mirrors, keys, apt with a private state, unpacked folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools import apt, apt_sources, cache, get_asterisk
from tools.console import Trouble

DEB822 = """\
# a comment
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm

Types: deb deb-src
URIs: http://mirror.example/debian/
  http://other.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path


def test_mirror_from_deb822(etc: Path) -> None:
    (etc / "apt/sources.list.d/debian.sources").write_text(DEB822)
    assert apt_sources.mirror("debian", etc) == "http://mirror.example/debian"


def test_mirror_from_one_line_format(etc: Path) -> None:
    (etc / "apt/sources.list").write_text(
        "# deb http://commented.example/debian bookworm main\n"
        "deb cdrom:[Debian]/ bookworm main\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/x.gpg] https://downloads.example/linux/debian-like stable main\n"
        "deb [arch=amd64 signed-by=/x.gpg] https://mirror.example/a/debian bookworm main\n"
    )
    assert apt_sources.mirror("debian", etc) == "https://mirror.example/a/debian"


def test_mirror_list_of_a_cloud_image(etc: Path) -> None:
    (etc / "mirrors").write_text("# none\nhttps://cloud.example/debian\thttps-priority\n")
    (etc / "apt/sources.list").write_text(f"deb mirror+file:{etc}/mirrors bookworm main\n")
    assert apt_sources.mirror("debian", etc) == "https://cloud.example/debian"


def test_ubuntu_mirror(etc: Path) -> None:
    text = "Types: deb\nURIs: http://archive.example/ubuntu/\nSuites: noble noble-updates\nComponents: main universe\n"
    (etc / "apt/sources.list.d/ubuntu.sources").write_text(text)
    assert apt_sources.mirror("ubuntu", etc) == "http://archive.example/ubuntu"


def test_files_that_apt_ignores_are_ignored(etc: Path) -> None:
    (etc / "apt/sources.list.d/old.list.disabled").write_text("deb http://mirror.example/debian bookworm main\n")
    with pytest.raises(Trouble, match="no mirror of debian"):
        apt_sources.mirror("debian", etc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID="12"\n', ("debian", "bookworm")),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n", ("ubuntu", "noble")),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=xia\nUBUNTU_CODENAME=noble\n', ("ubuntu", "noble")),
        ("ID=fedora\n", None),
    ],
)
def test_distribution(etc: Path, text: str, expected: tuple[str, str] | None) -> None:
    (etc / "os-release").write_text(text)
    assert apt_sources.distribution(etc) == (apt_sources.Distribution(*expected) if expected else None)


def test_missing_keys_name_their_package(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="ubuntu-keyring"):
        apt_sources.keyring("ubuntu", tmp_path)


FAKE_APT = """\
#!/bin/sh
echo "$@" >> "$FAKE_APT_LOG"
case "$*" in
*update*Check-Valid-Until=false*) ;;
*update*) echo "E: Release file for http://m.example/debian is expired (invalid since 3d)." >&2; exit 100 ;;
*install*) echo "E: Unable to locate package asterisk" >&2; exit 100 ;;
esac
"""


def test_a_frozen_mirror_is_tried_again_and_errors_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text(FAKE_APT)
    (programs / "dpkg").write_text("#!/bin/sh\necho amd64\n")
    (programs / "apt-config").write_text(
        "#!/bin/sh\necho 'Acquire::http::Proxy \"http://p.example:3128\";'\necho 'APT::Update::Post-Invoke:: \"x\";'\n"
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_APT_LOG", str(tmp_path / "log"))
    box = apt.PrivateApt(tmp_path / "box", ["http://m.example/debian forky main"], Path("/keys.gpg"))
    with pytest.raises(Trouble, match=r"^fetching it: E: Unable to locate package asterisk \(check"):
        box.fetch(["asterisk"], "fetching it")
    first, second, third = (tmp_path / "log").read_text().splitlines()
    assert "Valid-Until" not in first
    assert "Check-Valid-Until=false" in second
    assert "--download-only" in third
    assert "--no-install-recommends" in third
    sources = (tmp_path / "box" / "sources.list").read_text()
    assert sources == "deb [signed-by=/keys.gpg] http://m.example/debian forky main\n"
    config = (tmp_path / "box" / "apt.conf").read_text()
    assert 'Acquire::http::Proxy "http://p.example:3128";' in config
    assert "Post-Invoke" not in config, "the machine's own hooks stay out"


def test_version_of_a_package() -> None:
    debs = [Path("asterisk-config_1%3a9.9_all.deb"), Path("asterisk_1%3a22.10.1+dfsg+~cs6.17-1_amd64.deb")]
    assert apt.package_version(debs, "asterisk") == "22.10.1"
    assert (
        apt.package_version([Path("python3.11-minimal_3.11.2-6+deb12u5_amd64.deb")], "python3.11-minimal") == "3.11.2"
    )
    with pytest.raises(Trouble):
        apt.package_version(debs, "sip-tester")


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hotline"


def test_a_folder_appears_when_complete_and_is_kept(cache_folder: Path) -> None:
    def interrupted(folder: Path, scratch: Path) -> str:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept_or_made("thing-*-amd64", interrupted)
    assert [path.name for path in cache_folder.iterdir()] == ["lock"]
    (cache_folder / ".making-killed").mkdir()

    def build(folder: Path, scratch: Path) -> str:
        (folder / "file").touch()
        return "thing-1.2-amd64"

    made = cache.kept_or_made("thing-*-amd64", build)
    assert (made / "file").exists()
    assert not (cache_folder / ".making-killed").exists()
    assert cache.kept_or_made("thing-*-amd64", interrupted) == made


def test_the_highest_version_is_used(cache_folder: Path) -> None:
    for version in ("22.9.0", "22.10.1", "20.11.1", "23.0.0"):
        (cache_folder / f"asterisk-{version}-amd64").mkdir(parents=True)
        if version != "23.0.0":
            (cache_folder / f"asterisk-{version}-amd64" / "complete").touch()
    found = cache.kept("asterisk-*-amd64")
    assert found is not None
    assert found.name == "asterisk-22.10.1-amd64"


def test_two_at_once_make_it_once(cache_folder: Path) -> None:
    made: list[int] = []

    def build(folder: Path, scratch: Path) -> str:
        made.append(1)
        return "thing-1-amd64"

    threads = [threading.Thread(target=cache.kept_or_made, args=("thing-*-amd64", build)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="x86-64 Linux only")
def test_a_wrapper_runs_its_program_with_its_own_libraries_after_a_move(tmp_path: Path) -> None:
    listed = subprocess.run(["ldd", "/bin/echo"], capture_output=True, text=True, check=True).stdout
    libraries = [Path(word) for word in listed.split() if word.startswith("/") and Path(word).exists()]
    folder = tmp_path / "tree"
    place = folder / "root/usr/lib/x86_64-linux-gnu"
    place.mkdir(parents=True)
    for library in libraries:
        shutil.copy(library, place)
    (folder / "root/usr/bin").mkdir()
    shutil.copy("/bin/echo", folder / "root/usr/bin/echo")
    cache.write_wrapper(folder / "bin" / "say", folder / "root", "usr/bin/echo", "say")
    folder.rename(tmp_path / "moved here")
    (tmp_path / "link").symlink_to(tmp_path / "moved here" / "bin" / "say")
    for wrapper in (tmp_path / "moved here" / "bin" / "say", tmp_path / "link"):
        done = subprocess.run([wrapper, "a b", "c"], capture_output=True, text=True, check=True, cwd="/")
        assert done.stdout == "a b c\n"
    assert str(tmp_path) not in (tmp_path / "moved here" / "bin" / "say").read_text()


def fake_asterisk(folder: Path, answer: str) -> None:
    program = folder / "asterisk"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("Asterisk 18.10.0~dfsg+~cs6.10", "older than 20"),
        ("something else", "Asterisk None"),
        ("Asterisk 22.1.0", "it lacks"),
    ],
)
def test_an_unfit_asterisk_of_the_machine_is_named_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, reason: str
) -> None:
    fake_asterisk(tmp_path, answer)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(get_asterisk, "_folders", lambda root: (None, None))
    assert get_asterisk._installed() is None
    assert reason in capsys.readouterr().out


def test_the_machines_own_asterisk_is_used_when_it_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_asterisk(tmp_path, "Asterisk certified/20.7-cert2")
    modules = tmp_path / "usr/lib/x86_64-linux-gnu/asterisk/modules"
    modules.mkdir(parents=True)
    for name in get_asterisk._NEEDED_MODULES:
        (modules / name).touch()
    (tmp_path / "usr/share/asterisk/documentation").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    folders = get_asterisk._folders(tmp_path)
    monkeypatch.setattr(get_asterisk, "_folders", lambda root: folders)
    found = get_asterisk._installed()
    assert found is not None
    assert (found.version, found.modules) == ("20.7", str(modules))
