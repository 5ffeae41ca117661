"""``hotline restore``: a backup into an empty home, checked before anything is written, whole or not at all.

Everything is made beside the home, in ``.<name>.restoring``, and becomes the home by one rename. A server of one's own
(``database.url``) is filled in one transaction before that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hotline import backup_database, postgres
from hotline.backup_files import CATALOGUE
from hotline.backup_manifest import (
    ATTACHMENTS,
    DUMP,
    RECORDINGS,
    SEALED,
    BackupError,
    Manifest,
    check_file,
    inside,
    read_index,
    read_manifest,
)
from hotline.backup_secrets import SETTINGS, unseal
from hotline.backup_sink import unpack
from hotline.db import driver_url
from hotline.migrate import migrate, revisions
from hotline.secrets import KEY_FILE, SOUND_KEY_FILE, Secrets, load_or_create
from hotline.settings import CHECKOUT, Settings, load_settings

Say = Callable[[str], None]
START_SECONDS = 60.0
RESTORED_RULES = "restored-rules"
"""Below the home: rule files that differ from this checkout's. A person puts them in place."""
_SECRET_FILES = ("secrets.toml", KEY_FILE, SOUND_KEY_FILE, SETTINGS)


@dataclass
class Restored:
    manifest: Manifest
    notes: list[str] = field(default_factory=list)
    """What the operator has to know, a line each."""


@contextmanager
def opened(source: Path, beside: Path) -> Iterator[Path]:
    """The backup as a folder; a tar file is unpacked beside where it is needed, for so long. Raises BackupError."""
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise BackupError(f"{source}: there is no backup")
    with tempfile.TemporaryDirectory(dir=beside, prefix=".hotline-restore-") as work:
        unpack(source, Path(work))
        yield Path(work)


def check(folder: Path, say: Say) -> Manifest:
    """Every hash, and whether this version can take it. Raises BackupError."""
    manifest = read_manifest(folder)
    if manifest.schema not in revisions():
        raise BackupError(
            f"made by hotline {manifest.hotline} with the newer schema {manifest.schema}: restore it with that version"
        )
    for entry in manifest.files:
        check_file(folder, entry)
    say(f"校验 checked: {len(manifest.files)} 个文件 files")
    for name, listed in ((RECORDINGS, manifest.recordings), (ATTACHMENTS, manifest.attachments)):
        count = included = 0
        for one in read_index(folder / name):
            count += 1
            if one.included:
                included += 1
                check_file(folder, one, name.removesuffix(".jsonl"))
        if (count, included) != (listed.files, listed.included):
            raise BackupError(f"{name}: {count} lines, {listed.files} wanted")
        say(f"校验 checked: {name.removesuffix('.jsonl')} {included}/{count}")
    return manifest


def restore(
    source: Path, home: Path, *, passphrase: str = "", secrets_from: Path | None = None, say: Say = print
) -> Restored:
    """Raises BackupError, SettingsError; then ``home`` is as it was."""
    staging = _staging(home)
    with opened(source, home.parent) as folder:
        done = Restored(check(folder, say))
        staging.mkdir(mode=0o700)
        if os.geteuid() == 0:
            staging.chmod(0o711)  # as `hotline run`: PostgreSQL's user passes through
        outside: list[Path] = []
        try:
            _settings(folder, staging, passphrase, secrets_from, done)
            settings = load_settings(staging)
            _recordings(folder, settings, home, done, outside)
            _copy_index(folder, ATTACHMENTS, settings.attachments_dir)
            if (folder / "spoken").is_dir():
                shutil.copytree(folder / "spoken", settings.spoken_dir)
            _rules(folder, staging, done)
            secrets = load_or_create(settings, [])
            say("数据库 database: pg_restore")
            with _database(settings, secrets) as url:
                backup_database.load(driver_url(url), folder / DUMP, done.manifest.tables)
                migrate(url)
                paused = backup_database.settle(driver_url(url))
            if paused:
                done.notes.append(f"{paused} 个回访任务已暂停 campaigns are paused: whom they rang since is not known")
            os.sync()
            if home.exists():
                home.rmdir()
            staging.rename(home)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            for path in outside:
                path.unlink(missing_ok=True)
            raise
    return done


def _staging(home: Path) -> Path:
    if home.is_symlink() or home.is_mount():
        raise BackupError(f"{home} is a link or a mount point: set HOTLINE_HOME to a folder below it")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BackupError(f"{home} is not empty: restore into a new folder (HOTLINE_HOME)")
    staging = home.with_name(f".{home.name}.restoring")
    if staging.exists():
        raise BackupError(f"{staging}: left by a restore that was killed, remove it")
    home.parent.mkdir(parents=True, exist_ok=True)
    return staging


def _settings(folder: Path, staging: Path, passphrase: str, secrets_from: Path | None, done: Restored) -> None:
    files: dict[str, str] = {}
    if done.manifest.secrets == "sealed":
        if passphrase:
            files = unseal((folder / SEALED).read_text(encoding="utf-8"), passphrase)
        else:
            done.notes.append("密码和密钥未恢复 secrets not restored: give --passphrase-file")
    elif done.manifest.secrets == "plain":
        files = _read(folder / "secrets")
    plain = _read(folder / "settings")
    for name, text in {**plain, **files, **(_read(secrets_from) if secrets_from else {})}.items():
        if name in _SECRET_FILES:
            goal = staging / name
            goal.touch(mode=0o600)
            goal.write_text(text, encoding="utf-8")
    if not (staging / SETTINGS).exists():
        done.notes.append(f"没有 {SETTINGS}：采用默认设置 the settings are not in it or were not unsealed: defaults")
    if not (staging / "secrets.toml").exists():
        done.notes.append("座席 SIP 密码重新生成 new passwords: the agents' phones must be told theirs")
    if not (staging / KEY_FILE).exists():
        done.notes.append(
            f"没有 {KEY_FILE}：保密工单打不开，启动前请放入其副本 "
            "confidential tickets stay closed until its copy is put into the home, before the first start"
        )


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    try:
        return {
            path.name: path.read_text(encoding="utf-8")
            for path in folder.iterdir()
            if path.name in _SECRET_FILES and path.is_file() and not path.is_symlink()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{folder}: {error}") from error


def _recordings(folder: Path, settings: Settings, home: Path, done: Restored, outside: list[Path]) -> None:
    """Into the new home, or where the settings put them; nothing that lies there already is touched."""
    if not (settings.home / SOUND_KEY_FILE).exists() and any(one.key_id for one in read_index(folder / RECORDINGS)):
        done.notes.append(f"没有 {SOUND_KEY_FILE}，加密录音打不开 sealed recordings stay closed without its copy")
    listed = done.manifest.recordings
    if not listed.included:
        if listed.files:
            done.notes.append(f"{listed.files} 个录音只有目录 recordings are listed only: put their files in place")
        return
    final = settings.model_copy(update={"home": home}).recordings_dir
    if final.is_relative_to(home):
        _copy_index(folder, RECORDINGS, settings.home / final.relative_to(home))
        return
    _copy_index(folder, RECORDINGS, final, outside)


def _copy_index(folder: Path, name: str, goal: Path, made: list[Path] | None = None) -> None:
    """``made`` gets the name of each file, before it is there."""
    for one in read_index(folder / name):
        if one.included:
            path = inside(goal, one.path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                raise BackupError(f"{path} exists: nothing that is there is overwritten")
            if made is not None:
                made.append(path)
            shutil.copyfile(inside(folder / name.removesuffix(".jsonl"), one.path), path)
            path.chmod(0o600)


def _rules(folder: Path, staging: Path, done: Restored) -> None:
    """What differs from this checkout is laid out for a person: a release's own files are not overwritten."""
    different = []
    for entry in done.manifest.files:
        if not entry.path.startswith("rules/"):
            continue
        name = entry.path.removeprefix("rules/")
        source = inside(folder, entry.path)
        here = CHECKOUT / name
        if name != CATALOGUE and here.is_file() and here.read_bytes() == source.read_bytes():
            continue
        goal = staging / RESTORED_RULES / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, goal)
        different.append(name)
    if different:
        done.notes.append(
            f"{len(different)} 个规则或语音文件与本机不同，见 differ from this checkout, see {RESTORED_RULES}/: "
            f"{', '.join(different[:5])}{' …' if len(different) > 5 else ''}"
        )


@contextmanager
def _database(settings: Settings, secrets: Secrets) -> Iterator[str]:
    """SQLAlchemy's URL of an empty database: our own server's, started for so long, or the one at ``database.url``."""
    if settings.database.url:
        yield postgres.database_url(settings, secrets)
        return
    server = postgres.prepare(settings, secrets)
    settings.log_dir.mkdir(exist_ok=True)
    with (settings.log_dir / "restore.log").open("ab") as log:
        process = subprocess.Popen(server.command_line(), cwd="/", stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not postgres.is_ready(server, secrets):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BackupError("the new database does not start")
            time.sleep(0.05)
        postgres.create_database(server, secrets)
        yield postgres.database_url(settings, secrets)
    finally:
        process.send_signal(postgres.STOP_FAST)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()
