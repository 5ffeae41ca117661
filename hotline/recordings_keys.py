"""The keys of the recordings as this instance has them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.alerts import Alert, close_alerts, raise_alerts
from calls.recording_seal import Keys
from hotline.secrets import SOUND_KEY_FILE, add_recording_key, recording_keys
from hotline.settings import Settings, SettingsError

LOST_KEY = "recording_key_lost"
_USED = text(
    "SELECT key_id, min(call_id) AS call_id, count(*) AS files FROM ("
    " SELECT key_id, call_id FROM recordings WHERE key_id <> '' AND state <> 'erased' UNION ALL"
    " SELECT clip->>'key_id', call_id FROM recordings, jsonb_array_elements(clips) AS clip"
    " WHERE state <> 'erased' AND clip->>'key_id' <> '') AS sealed GROUP BY key_id ORDER BY key_id"
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


async def used_keys(connection: AsyncConnection) -> dict[str, int]:
    """Files by the key that they are sealed with."""
    return {row.key_id: row.files for row in await connection.execute(_USED)}


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
