"""What engines write, as the rest of the system reads it."""

from __future__ import annotations

import re

_MARKS = re.compile(r"\[[^\]]*\]|<[^>]*>|!SIL")
"""Vosk's words for noise and for the unknown."""
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_BLANKS = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_DIGITS = frozenset("0123456789零〇一幺二两三四五六七八九十")
_LOOP = re.compile(r"(.{2,}?)\1{2,}(.*)", re.DOTALL)
_TWICE = re.compile(r"(.{6,})\1", re.DOTALL)
_SUBTITLES = re.compile(
    "字幕(由|提供|志愿|制作|组|[Bb][Yy])|明镜(与|和)?点点|请不吝|点赞.{0,4}(订阅|打赏)|(谢谢|感谢)(您的?|你的?|大家的?)?(观看|收看|收听)"
    "|优优独播|YoYo Television|MING PAO|Amara"
)
"""What stands under the films that Whisper learned from, and callers do not say."""


def tidy(words: str) -> str:
    """Without marks for noise and without blanks between Chinese characters."""
    return _BLANKS.sub("", " ".join(_MARKS.sub(" ", words).split()))


def looped(words: str) -> bool:
    """Whether a model may have lost the thread: it says the same thing again and again. So do callers in fear."""
    return any(_is_words(found[1]) for pattern in (_LOOP, _TWICE) for found in pattern.finditer(words))


def unlooped(words: str) -> str:
    """What is said three times or more stands there once. Digits stay as they are: numbers repeat themselves."""
    found = _LOOP.search(words)
    if found is None:
        return words
    if not _is_words(found[1]):
        return words[: found.start(2)] + unlooped(found[2])
    rest = unlooped(found[2])
    return words[: found.end(1)] + ("" if found[1].startswith(rest) else rest)


def hallucinated(words: str) -> bool:
    """Whether simplified ``words`` are what Whisper writes when there is nothing to hear."""
    return bool(_SUBTITLES.search(words))


def _is_words(part: str) -> bool:
    return not _DIGITS.issuperset(part)
