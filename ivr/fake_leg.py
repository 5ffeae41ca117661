"""A caller made of a script, with a clock of its own: dialogue tests run without Asterisk and without waiting."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.leg import ALL_KEYS, CallerHungUp, Heard, LegError, Manner, Played

DIGIT_GAP = 0.15
"""Seconds between two keys that follow each other without a wait."""
SYLLABLE = 0.2
"""Seconds a character takes to say; partial results come with each."""
END_OF_SPEECH = 0.6
"""Seconds of silence after which a turn of speech is over."""
AFTER_PROMPT = 1.0
"""Seconds that a turn which nothing holds up lasts beyond its prompt."""
BARGE_IN_MS, DECIDED_MS = 120, 300
_SPEECH = re.compile(r"(?s)say:(?P<say>.*)|(?P<sound>noise|mumble)|deaf:(?P<deaf>\w+)")


@dataclass(frozen=True, slots=True)
class _Act:
    at: float
    what: str
    """A key, ``h``, ``say``, ``noise``, ``mumble`` or ``deaf``."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Turn:
    phrases: tuple[str, ...]
    alarm: Callable[[str], bool] | None
    longest: float
    holds_up: bool
    until: float


@dataclass
class ScriptedLeg:
    """Presses keys and says words at given times and remembers what it was told.

    ``keys`` is what the caller does from answer on: ``"w2,1,w1,0"`` waits 2 s, presses 1, waits 1 s, presses 0; ``h``
    hangs up; ``say:我家停水`` says it, ``mumble`` says nothing usable, ``noise`` only interrupts the prompt for a
    moment, ``deaf:lag`` is the end of listening. ``replies`` maps a sound to such a script, started each time that
    sound begins. As in Asterisk a key pressed while a sound plays that does not listen for it is lost, and so is a word
    while nobody listens.
    """

    keys: str = ""
    replies: Mapping[str, str] = field(default_factory=dict)
    seconds: Callable[[str], float] = lambda sound: 1.0
    call_id: str = "test-1"
    caller: str | None = "13900001111"
    caller_presentation: str = "allowed"
    dialled: str = "12345"
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Sounds that cannot be played."""
    can_listen: bool = True
    partials: bool = True
    """Whether the recogniser has words before the end of a turn."""
    grammar: bool = True
    """Whether the recogniser hears nothing but the phrases where there are any."""

    now: float = 0.0
    """Seconds since answer on the leg's own clock."""
    played: list[tuple[str, Played]] = field(default_factory=list)
    """Every sound that was begun; of those played while listening without the key."""
    listened: list[tuple[str, ...]] = field(default_factory=list)
    """The phrases of every turn of listening."""
    manners: list[Manner] = field(default_factory=list)
    """How each was listened to."""
    variables: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _pending: list[_Act] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._schedule(self.keys)

    async def play(self, sound: str, keys: str = ALL_KEYS) -> Played:
        self._check()
        if sound in self.missing:
            raise LegError(f"no such sound: {sound}")
        self._schedule(self.replies.get(sound, ""))
        begin = self.now
        digit = self._run_until(begin + self.seconds(sound), keys)
        played = Played(digit, round((self.now - begin) * 1000))
        self.played.append((sound, played))
        return played

    async def listen(
        self,
        sounds: Sequence[str],
        *,
        silence_ms: int,
        phrases: Sequence[str] = (),
        alarm: Callable[[str], bool] | None = None,
        max_ms: int = 15_000,
        manner: Manner = Manner(),  # noqa: B008  (frozen)
    ) -> Heard:
        self._check()
        if not self.can_listen:
            return Heard("lost", why="closed")
        if missing := self.missing.intersection(sounds):
            raise LegError(f"no such sound: {sorted(missing)[0]}")
        self.listened.append(tuple(phrases))
        self.manners.append(manner)
        prompt = sum(self.seconds(sound) for sound in sounds)
        turn = _Turn(
            tuple(phrases) if self.grammar else (), alarm, max_ms / 1000, manner.holds_up,
            until=math.inf if manner.holds_up else self.now + prompt + silence_ms / 1000 + AFTER_PROMPT,
        )  # fmt: skip
        total = 0.0
        for done, sound in enumerate(sounds):
            self._schedule(self.replies.get(sound, ""))
            heard, played = self._hear(self.seconds(sound), turn)
            self.played.append((sound, Played(None, round(played * 1000))))
            total += played
            if heard is not None:
                return _after(heard, done, total, interrupted=True)
        heard, _ = self._hear(silence_ms / 1000, turn)
        return _after(heard or Heard("silence"), len(sounds), total, interrupted=False)

    async def wait_digit(self, ms: int) -> str | None:
        self._check()
        return self._run_until(self.now + ms / 1000, ALL_KEYS)

    async def set_variable(self, name: str, value: str) -> None:
        self._check()
        self.variables[name] = value

    async def user_event(self, name: str, **fields: str | int) -> None:
        self._check()
        self.events.append((name, {key: str(value) for key, value in fields.items()}))

    def _schedule(self, script: str) -> None:
        at = self.now
        for step in filter(None, script.split(",")):
            if wait := re.fullmatch(r"w(\d+(?:\.\d+)?)", step):
                at += float(wait[1])
                continue
            if speech := _SPEECH.fullmatch(step):
                what = speech["sound"] or ("deaf" if speech["deaf"] else "say")
                self._pending.append(_Act(at, what, speech["say"] or speech["deaf"] or ""))
                at += DIGIT_GAP + SYLLABLE * len(speech["say"] or "")
                continue
            for key in step:
                if key not in ALL_KEYS + "h":
                    raise ValueError(f"not a key: {key!r} in {script!r}")
                self._pending.append(_Act(at, key))
                at += DIGIT_GAP
        self._pending.sort(key=lambda act: act.at)

    def _next(self, end: float) -> _Act | None:
        """What the caller does next before ``end``, at its time."""
        if not self._pending or self._pending[0].at >= end:
            self.now = max(self.now, end)
            return None
        act = self._pending[0]
        self.now = max(self.now, act.at)
        if act.what == "h":
            self._check()
        return self._pending.pop(0)

    def _run_until(self, end: float, keys: str) -> str | None:
        while (act := self._next(end)) is not None:
            if act.what in keys:
                return act.what
            if act.what == "deaf":
                self.can_listen = False
        return None

    def _hear(self, seconds: float, turn: _Turn) -> tuple[Heard | None, float]:
        """One sound, or the silence after it: what came of it, and how much of it was played."""
        played = 0.0
        end = self.now + seconds
        while True:
            begin = self.now
            act = self._next(begin + seconds - played)
            played += self.now - begin
            if act is None:
                return None, played
            began = self.now
            if act.what == "deaf":
                self.can_listen = False
                return Heard("lost", why=act.text), played
            if act.what in ALL_KEYS:
                return Heard("key", key=act.what), played
            if act.what == "mumble":
                self.now = min(self.now + SYLLABLE + END_OF_SPEECH, max(self.now, turn.until))
                return Heard("unusable", decided_ms=DECIDED_MS), played
            if act.what == "say":
                return self._say(act.text, turn), played
            self.now += END_OF_SPEECH  # a noise: the prompt goes on after it
            if not turn.holds_up:  # or all the while
                self.now = min(self.now, end)
                played += self.now - began

    def _say(self, text: str, turn: _Turn) -> Heard:
        cut = text[: int(turn.longest / SYLLABLE)]
        for length in range(1, len(cut) + 1):
            if self.now >= turn.until:
                cut = cut[:length]
                break
            act = self._next(self.now + SYLLABLE)
            if act is not None and act.what in ALL_KEYS:
                return Heard("key", key=act.what)
            so_far = _only(cut[:length], turn.phrases)
            if self.partials and turn.alarm is not None and turn.alarm(so_far):
                return Heard("alarm", text=so_far)
        self.now = min(self.now + END_OF_SPEECH, max(self.now, turn.until))
        said = _only(cut, turn.phrases)
        return Heard("words" if said else "unusable", text=said, decided_ms=DECIDED_MS)

    def _check(self) -> None:
        if self._pending and self._pending[0].what == "h" and self._pending[0].at <= self.now:
            raise CallerHungUp


def _only(text: str, phrases: tuple[str, ...]) -> str:
    """What a recogniser makes of ``text`` that knows nothing but ``phrases``; all of it if there are none."""
    if not phrases:
        return text
    return "".join(re.findall("|".join(re.escape(one) for one in sorted(phrases, key=len, reverse=True)), text))


def _after(heard: Heard, sounds_done: int, played: float, *, interrupted: bool) -> Heard:
    return Heard(
        heard.end,
        heard.key,
        heard.text,
        sounds_done,
        round(played * 1000),
        BARGE_IN_MS if interrupted and heard.end != "lost" else None,
        heard.decided_ms,
        "" if heard.end in ("key", "silence", "lost") else "scripted",
        heard.why,
    )
