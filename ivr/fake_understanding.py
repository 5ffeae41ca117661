"""Words understood by a list of their own, for tests of the dialogue: exact, and without any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ivr.understanding import Class, ClosedStep


@dataclass(frozen=True, slots=True)
class FixedMeaning:
    label: Class
    service: str | None = None
    topic: str | None = None
    queue: str | None = None
    score: float = 0.9
    sure: bool = True
    second: Class | None = None


MEANINGS: Mapping[str, FixedMeaning] = {
    "着火": FixedMeaning("emergency", "119"),
    "打我": FixedMeaning("emergency", "110"),
    "救命": FixedMeaning("emergency"),
    "吵起来": FixedMeaning("emergency", "110", score=0.4, sure=False, second="complaint"),
    "出事": FixedMeaning("emergency", "120", score=0.6, sure=False, second="help"),
    "停水": FixedMeaning("help", topic="water-supply"),
    "投诉": FixedMeaning("complaint"),
    "举报": FixedMeaning("report"),
    "怎么办理": FixedMeaning("consultation"),
    "建议": FixedMeaning("suggestion"),
    "办到哪": FixedMeaning("status"),
    "人工": FixedMeaning("agent"),
    "英语": FixedMeaning("agent", topic="english", queue="english"),
    "企业": FixedMeaning("consultation", topic="business", queue="enterprise"),
    "楼上漏水": FixedMeaning("complaint", score=0.5, sure=False, second="help"),
    "那个事": FixedMeaning("status", score=0.4, sure=False),
}
"""A phrase in what was said and its meaning; the first that is there counts."""
_DIGITS = {said: str(value) for value, said in enumerate("零一二三四五六七八九")} | {"幺": "1", "两": "2"}
_DIGITS |= {digit: digit for digit in "0123456789"}


@dataclass(frozen=True)
class FixedUnderstanding:
    """An :class:`ivr.understanding.Understanding` of ``meanings`` and a few plain answers."""

    meanings: Mapping[str, FixedMeaning] = field(default_factory=lambda: MEANINGS)

    def request(self, text: str, alternatives: Sequence[str] = ()) -> FixedMeaning | None:
        said = "，".join((text, *alternatives))
        return next((meaning for phrase, meaning in self.meanings.items() if phrase in said), None)

    def danger(self, partial: str) -> str | None:
        meaning = self.request(partial)
        return meaning.service if meaning is not None and meaning.sure and meaning.label == "emergency" else None

    def yes(self, text: str) -> bool | None:
        if text.startswith("不"):
            return False
        return True if text.startswith(("是", "对", "好")) else None

    def digits(self, text: str) -> str:
        return "".join(_DIGITS.get(letter, "") for letter in text)

    def choice(self, text: str, names: Sequence[str]) -> int | None:
        return next((index for index, name in enumerate(names) if name in text), None)

    def satisfaction(self, text: str, scale: Sequence[str]) -> str | None:
        return next((word for word in scale if word in text), None)

    def named(self, text: str, district: str) -> bool | None:
        if district.removesuffix("区") in text:
            return True
        return False if "区" in text else None

    def phrases(self, step: ClosedStep, names: Sequence[str] = ()) -> tuple[str, ...]:
        match step:
            case "yes-no":
                return ("是", "对", "好", "不")
            case "digits":
                return tuple(said for said in _DIGITS if not said.isascii())
            case "danger":
                return tuple(phrase for phrase, one in self.meanings.items() if one.sure and one.label == "emergency")
        return tuple(names)
