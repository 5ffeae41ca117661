"""The keys of the recordings as this instance has them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import Alert, close_alerts, raise_alerts
from calls.recording_seal import Keys, Unreadable
from hotline.secrets import SOUND_KEY_FILE, add_recording_key, recording_keys
from hotline.settings import Settings, SettingsError

LOST_KEY = "recording_key_lost"
# From one key to the next along the index: there may be millions of recordings.
_NEXT = "SELECT key_id, call_id FROM recordings WHERE key_id <> ''"
_USED = text(
    f"WITH RECURSIVE used AS (({_NEXT} ORDER BY key_id, call_id LIMIT 1) UNION ALL"
    f" SELECT n.* FROM used u, LATERAL ({_NEXT} AND key_id > u.key_id ORDER BY key_id, call_id LIMIT 1) n)"
    " SELECT key_id, call_id FROM used"
)


def load_keys(settings: Settings) -> Keys:
    """They open all that was sealed; the newest seals if the setting says so. Raises SettingsError (one line): with
    ``[recording] encrypt`` and without a key nothing is written."""
    found = recording_keys(settings)
    path = settings.home / SOUND_KEY_FILE
    if settings.recording.encrypt and not found:
        raise SettingsError(
            f"{path} is missing and recording.encrypt is set: put its copy back; the worker makes one on an instance "
            "without sealed recordings 录音密钥文件缺失"
        )
    return Keys(found, str(path), sealing=settings.recording.encrypt)


def opening_keys(settings: Settings) -> Keys:
    """For those who only read: without the file, sealed recordings do not open and the others do. Raises
    SettingsError."""
    return Keys(recording_keys(settings), str(settings.home / SOUND_KEY_FILE), sealing=False)


def keys_of_reader(settings: Settings) -> Keys:
    """For who knows nothing of settings. Raises Unreadable."""
    try:
        return opening_keys(settings)
    except SettingsError as error:
        raise Unreadable(str(error)) from error


async def check_sound_keys(connection: AsyncConnection, settings: Settings) -> None:
    """Makes the first key where encryption is set and nothing was sealed before. A key that sealed recordings and is
    lost is an alert until it is back. Raises SettingsError, OSError."""
    used = {row.key_id: row.call_id for row in await connection.execute(_USED)}
    found = recording_keys(settings)
    if settings.recording.encrypt and not found and not used:
        found = {add_recording_key(settings): b""}
    lost = [key_id for key_id in used if key_id not in found]
    if not lost:
        await close_alerts(connection, LOST_KEY)
        return
    words = (
        f"来电 {used[lost[0]]} 等录音的密钥 {lost[0]} 不在 {settings.home / SOUND_KEY_FILE} 中，无法播放，请从备份恢复"
    )
    await raise_alerts(connection, [Alert(LOST_KEY, SOUND_KEY_FILE, words, used[lost[0]])])
