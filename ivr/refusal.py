"""Whether words call something off. Pure.

Over the announcement of an emergency people shout at the line and at each other (没有呼吸, 不是很远,
他没事吧): words of refusal within other words are none. Characters that sound the same are the same, so texts are
compared as toneless pinyin.
"""

from __future__ import annotations

import re

from pypinyin import lazy_pinyin

LONGEST = 40
"""Syllables: nobody says more to say no."""
_REFUSALS = "不用 不需要 不要 别转 取消 打错 说错 按错 弄错 搞错 没事 不是 误会 就是问问 只是问问".split()
_FILLERS = (
    "我 我们 你 你们 您 请 谢谢 不好意思 对不起 抱歉 麻烦"
    " 啊 呀 哦 噢 嗯 呃 哎 喂 的 了 儿 那个 这 是 都 转 转接 紧急 情况 电话"
).split()
"""没有 and 不 are not among either: they answer somebody in the room."""


def _sounds(text: str) -> str:
    return "".join(f"{one} " for one in lazy_pinyin(text))


_REFUSED = "|".join(map(_sounds, _REFUSALS))
_FILLED = "|".join(map(_sounds, _FILLERS))
_NOTHING_ELSE = re.compile(f"(?:{_FILLED})*(?:{_REFUSED})(?:{_REFUSED}|{_FILLED})*")


def is_refusal(text: str) -> bool:
    """Whether ``text`` is a refusal and nothing else."""
    said = lazy_pinyin("".join(filter(str.isalnum, text)))
    return len(said) <= LONGEST and _NOTHING_ELSE.fullmatch("".join(f"{one} " for one in said)) is not None
