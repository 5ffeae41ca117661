"""Space, rights, backup: what can be seen on the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotline.backup_record import read_last
from hotline.backup_secrets import SETTINGS, has_passwords
from hotline.doctor import Finding, error, ok, warning
from hotline.guard import free_bytes
from hotline.secrets import KEY_FILE, SOUND_KEY_FILE
from hotline.settings import Settings

BACKUP_WARN, BACKUP_FAULT = timedelta(days=2), timedelta(days=7)


def free_space(settings: Settings) -> Iterator[Finding]:
    """The marks are those of :mod:`hotline.guard`."""
    mark = settings.recording.min_free_mb << 20
    places = (("home", settings.home, mark // 4), ("recordings", settings.recordings_dir, mark))
    for place, folder, least in places:
        if not folder.exists():
            continue
        free = free_bytes(folder)
        words = f"{place}: 剩余 {free >> 20} MB free ({folder})"
        if free < least:
            yield error("free-space", f"{words}，低于 below {least >> 20} MB", "清理或扩容 make room")
        elif free < 2 * least:
            yield warning("free-space", f"{words}，接近下限 close to {least >> 20} MB", "尽快清理 make room soon")
        else:
            yield ok("free-space", words)
    if settings.recording_off_flag.exists():
        yield error(
            "free-space",
            "已停止录音 recording is stopped for want of space",
            f"腾出空间后自动恢复 it begins again above {int(mark * 1.1) >> 20} MB",
        )


def folder_rights(settings: Settings) -> Iterator[Finding]:
    wrong = False
    for folder in _own_folders(settings):
        if not os.access(folder, os.W_OK | os.X_OK):
            wrong = True
            yield error("folder-rights", f"不可写 not writable: {folder}", f"chown -R $(id -un) {folder}")
        # Passing through is allowed: started by root, the database is another user's.
        elif folder.stat().st_mode & 0o066:
            wrong = True
            yield warning("folder-rights", f"他人可读写 others may read or write: {folder}", f"chmod go-rw {folder}")
    if not wrong:
        yield ok("folder-rights", "文件夹权限正常 rights of the folders")


def _own_folders(settings: Settings) -> Iterator[Path]:
    """The recordings' own folder may be one of the checkout's: what lies in it are folders by years."""
    folders = [settings.home, settings.run_dir, settings.log_dir, settings.attachments_dir]
    yield from (folder for folder in folders if folder.is_dir())
    if settings.recordings_dir.is_dir():
        yield from (year for year in settings.recordings_dir.iterdir() if year.is_dir())


def secrets_rights(settings: Settings) -> Iterator[Finding]:
    started = settings.asterisk_dir.exists()
    names = [settings.secrets_file.name, KEY_FILE, *([SETTINGS] if has_passwords(settings.home / SETTINGS) else [])]
    if (settings.home / SOUND_KEY_FILE).exists():  # only where recordings are sealed; a lost one is an alert
        names.append(SOUND_KEY_FILE)
    wrong = False
    for path in (settings.home / name for name in names):
        fault = _rights_fault(path)
        if fault == "missing":
            if started:
                wrong = True
                yield error("secrets", f"缺失 missing: {path}", "从副本恢复 put its copy back (hotline restore)")
        elif fault:
            wrong = True
            yield error("secrets", f"他人可读 others may read {path}", f"chmod 600 {path}")
    if not started and not settings.secrets_file.exists():
        yield ok("secrets", "尚未启动过，没有密钥 never started: no secrets yet")
    elif not wrong:
        yield ok("secrets", "密码和密钥文件仅本用户可读 secrets are for this user alone")


def _rights_fault(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return "missing"
    return "open" if mode & 0o077 else ""


def backup_age(settings: Settings) -> Iterator[Finding]:
    last = read_last(settings)
    remedy = "每天执行 every day: `hotline backup FOLDER`"
    if last is None:
        yield warning("backup", "从未备份 never backed up", remedy)
        return
    age = datetime.now(UTC) - last.at
    words = f"上次备份 last backup {last.at:%Y-%m-%d %H:%M}Z，{age.days} 天前 days ago ({last.target})"
    if age > BACKUP_FAULT:
        yield error("backup", words, remedy)
    elif age > BACKUP_WARN:
        yield warning("backup", words, remedy)
    elif not Path(last.target).exists():
        yield warning("backup", f"{words}，已不在原处 is gone from there", "确认已移至他处 was it moved?")
    else:
        yield ok("backup", words)


CHECKS = (free_space, folder_rights, secrets_rights, backup_age)
