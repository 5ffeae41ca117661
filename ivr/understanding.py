"""What words mean, as a dialogue asks for it. The answers come from ``routing/intent``, unknown to this room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

Class = Literal["consultation", "help", "complaint", "report", "suggestion", "status", "agent", "emergency"]
CLASSES: tuple[Class, ...] = (
    "consultation", "help", "complaint", "report", "suggestion", "status", "agent", "emergency",
)  # fmt: skip
ClosedStep = Literal["yes-no", "digits", "satisfaction", "choice", "danger"]
"""``danger`` is none by itself: what is listened for beside the answers of the others."""


class Meaning(Protocol):
    """What a caller wants."""

    @property
    def label(self) -> Class: ...

    @property
    def service(self) -> str | None:
        """110, 119, 120 or 122 for an emergency."""
        ...

    @property
    def topic(self) -> str | None:
        """Id of a topic in ``routing/intent/topics.yaml``, where the words tell it."""
        ...

    @property
    def queue(self) -> str | None:
        """The topic's own queue, such as ``english``; None: the class decides."""
        ...

    @property
    def score(self) -> float:
        """0 to 1: how probable the class is."""
        ...

    @property
    def sure(self) -> bool:
        """Probable enough to act on without a question."""
        ...

    @property
    def second(self) -> Class | None:
        """The next probable class, for a question with two choices."""
        ...


class Understanding(Protocol):
    """Every text is what a recogniser heard: right in most of its syllables, wrong in many of its characters."""

    def request(self, text: str, alternatives: Sequence[str] = ()) -> Meaning | None:
        """What is wanted; None if nothing usable was said (noise, 嗯, 喂喂). ``alternatives``: what it may have been as
        well, where the recogniser tells."""
        ...

    def danger(self, partial: str) -> str | None:
        """The service that a sentence still going on calls for; None as long as there is no danger in it."""
        ...

    def yes(self, text: str) -> bool | None:
        """Agreement or refusal; None if it is neither."""
        ...

    def digits(self, text: str) -> str:
        """The digits said in it (零 幺 两 and the rest, or written ones); empty if there are none."""
        ...

    def choice(self, text: str, names: Sequence[str]) -> int | None:
        """Which of ``names`` is meant, by name or by 第一个/第二个; None if none of them."""
        ...

    def satisfaction(self, text: str, scale: Sequence[str]) -> str | None:
        """Which word of ``scale`` (非常满意, 满意, 基本满意, 不满意, …) is meant. No dialogue asks for it yet: it
        is there for the calls that ask citizens about their finished tickets."""
        ...

    def named(self, text: str, district: str) -> bool | None:
        """Whether a district 区县 was named in it; False: another one was; None: none."""
        ...

    def phrases(self, step: ClosedStep, names: Sequence[str] = ()) -> tuple[str, ...]:
        """What may be said at a closed step, for a recogniser's grammar."""
        ...
