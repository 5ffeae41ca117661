"""Whether words answer a question, and how surely. Pure.

Whoever answers may be a machine: words that only hold an answer somewhere are none. An answer is sure where little
else was said and nothing refuses it. Characters that sound the same are the same, so texts are compared as toneless
pinyin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pypinyin import lazy_pinyin

MOST_BESIDE = 4
"""Syllables beside the answer that are neither part of it nor fillers."""
VAGUE = ("好", "好的", "好吧", "好啊", "可以", "行", "行吧", "嗯", "喂", "您好", "你好")
"""Said to go on, too: no answer by themselves. 您好 holds 好."""
_FILLERS = (
    "我 我们 你们 您 请 谢谢 不好意思 啊 呀 哦 噢 嗯 呃 哎 喂 吧 呢 的 了 那个 这个 就是 就 是 都 觉得 感觉 认为"
    " 还是 算是 应该 挺 很 比较 已经 问题 事情 事 这次 选 按"
).split()
_DOUBTFUL = frozenset(lazy_pinyin("不没未无别吗"))
_NO_ANSWER = "听清 听见 听不清 听不见 不知道 不清楚 什么 再说一遍 哪位 留言 满意度".split()
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


@dataclass(frozen=True, slots=True)
class Reading:
    """``value``: None where no answer was in it."""

    value: str | None
    sure: bool


NOTHING = Reading(None, sure=False)


def read(text: str, phrases: Iterable[str], value: Callable[[str], str | None]) -> Reading:
    """What ``text`` answers; ``value`` tells what a phrase means."""
    rest = list(_syllables(text))
    phrases = tuple(phrases)
    none = [one for one in _NO_ANSWER if not any(one in phrase for phrase in phrases)]
    if any(_place(rest, _syllables(one)) is not None for one in none):
        return NOTHING
    found: set[str] = set()
    for phrase in sorted(phrases, key=lambda one: -len(_syllables(one))):
        sounds = _syllables(phrase)
        if len(sounds) == 1 and len(rest) > 1:
            continue  # 您好 holds 好, 是不是 holds 是
        while (place := _place(rest, sounds)) is not None and (meant := value(phrase)) is not None:
            found.add(meant)
            rest[place : place + len(sounds)] = [""] * len(sounds)
    if len(found) != 1:
        return NOTHING
    beside = _without(rest, _FILLERS)
    vague = any(_syllables(text) == _syllables(one) for one in VAGUE)
    doubtful = any(one in _DOUBTFUL for one in beside)
    return Reading(found.pop(), sure=not vague and not doubtful and len(beside) <= MOST_BESIDE)


def says(text: str, phrases: Iterable[str]) -> bool:
    """Whether ``text`` is one of ``phrases`` and hardly anything else."""
    return read(text, phrases, lambda phrase: "said").sure


@lru_cache(maxsize=2048)
def _syllables(text: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin("".join(filter(str.isalnum, text.translate(_DIGITS)))))


def _place(syllables: Sequence[str], wanted: tuple[str, ...]) -> int | None:
    if not wanted:
        return None
    last = len(syllables) - len(wanted)
    return next((at for at in range(last + 1) if tuple(syllables[at : at + len(wanted)]) == wanted), None)


def _without(syllables: list[str], fillers: Iterable[str]) -> list[str]:
    left = list(syllables)
    for filler in sorted(fillers, key=len, reverse=True):
        sounds = _syllables(filler)
        while (place := _place(left, sounds)) is not None:
            left[place : place + len(sounds)] = [""] * len(sounds)
    return [one for one in left if one]
