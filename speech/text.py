"""What engines write, as the rest of the system reads it."""

from __future__ import annotations

import re

_MARKS = re.compile(r"\[[^\]]*\]|<[^>]*>|!SIL")
"""Vosk's words for noise and for the unknown."""
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_BLANKS = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_DIGITS = frozenset("0123456789零〇一幺二两三四五六七八九十")
_LOOP = re.compile(r"(.{2,}?)\1{2,}(.*)", re.DOTALL)
_CLAUSE = re.compile(r"[，。！？、,!?;；…]+|\.(?!\w)|(?<![A-Za-z\s])(?<!字幕)(?<!志愿者)\s+(?![A-Za-z\s])")
"""Between clauses. A name in Latin letters is one with what is beside it, and so is what a credit names."""
_SUBTITLES = re.compile(
    r"^(中文)?字幕(由|提供|志愿者|制作|[：:]|\s|$)|^(中文)?字幕组$|明镜(与|和)?点点|请不吝|点赞.{0,4}(订阅|打赏)"
    "|(谢谢|感谢)(您的?|你的?|大家的?)?(观看|收看|收听)|优优独播|YoYo Television|MING PAO|Amara"
    "|^(订阅|订閱|点赞|转发|打赏|支持|栏目)+$"
)
"""In a clause that stands under the films that Whisper learned from, and that callers do not say. What other engines
make up, and what says nothing in any case, is known to ``routing/intent/phrases.yaml``, which knows no engine."""


def tidy(words: str) -> str:
    """Without marks for noise, halves of characters (the last token was cut) and blanks between Chinese characters."""
    return _BLANKS.sub("", " ".join(_MARKS.sub(" ", words.replace("\ufffd", "")).split()))


def unlooped(words: str) -> str:
    """What is said three times or more stands there once: a model that lost the thread, or a caller in fear.

    Digits stay as they are: numbers repeat themselves.
    Of characters, for people to read; ``routing/intent`` has its own for syllables, whatever engine wrote them.
    """
    found = _LOOP.search(words)
    if found is None:
        return words
    if not _is_words(found[1]):
        return words[: found.start(2)] + unlooped(found[2])
    rest = unlooped(found[2])
    return words[: found.end(1)] + ("" if found[1].startswith(rest) else rest)


def without_inventions(words: str) -> str:
    """Simplified ``words`` without the clauses that Whisper writes where there is nothing to hear."""
    kept: list[str] = []
    begin = 0
    for end, following in [*((found.start(), found.end()) for found in _CLAUSE.finditer(words)), (len(words),) * 2]:
        if begin < end and not _SUBTITLES.search(words[begin:end]):
            kept.append(words[begin:following])
        begin = following
    return "".join(kept).strip(" ，、,;；")


def _is_words(part: str) -> bool:
    return not _DIGITS.issuperset(part)
