"""A number that is said, keyed, or both: the step of the conversation by speech that collects digits."""

from __future__ import annotations

from ivr.dialogue import EMERGENCY_NUMBERS, entered
from ivr.ear import Ear
from ivr.flow import Entry
from ivr.leg import Manner
from ivr.steps import By, Conversation, Decision, Said

MORE_DIGITS_MS = 2000
"""After digits that were said, time for the next group; ``#`` ends the wait."""
MAX_TURNS = 40
"""A key or a group of digits each."""
MAX_UNUSABLE = 1
"""So often a noise between the groups is passed over; what was said before it stays."""


def enter(ear: Ear, name: str, entry: Entry) -> Conversation:
    """A number said or keyed or both, ended by ``#``, by silence, or by being long enough."""
    silence = wait = round(entry.silence_seconds * 1000)
    digits = ""
    sounds: tuple[str, ...] = (entry.say,)
    by: By = "key"
    tries = MAX_UNUSABLE
    for _ in range(MAX_TURNS):
        heard = yield from ear.listen(sounds, wait, ("digits", ()), manner=Manner(singly=True))
        sounds, wait = (), silence
        if heard.end == "key":
            if heard.key == "#":
                break
            digits = "" if heard.key == "*" else digits + (heard.key or "")
        elif heard.end == "silence":
            break
        elif heard.end == "unusable" and tries:
            tries -= 1
            yield Said(name, heard)
        else:
            said = ear.u.digits(heard.text)
            if not said or not ear.bare_digits(heard.text):
                meaning = yield from ear.understood(name, heard, counts=lambda it: it.label == "agent")
                if isinstance(meaning, Decision):
                    return meaning
                if meaning is not None and meaning.label == "agent":
                    return (yield from ear.agent("speech", ear.queue_of(meaning, None)))
                if not said:
                    break
            else:
                yield Said(name, heard)
            digits, by, wait = digits + said, "speech", MORE_DIGITS_MS
        if len(digits) >= entry.max_digits:
            break
    digits = digits[: entry.max_digits]
    if by == "speech" and digits in EMERGENCY_NUMBERS:
        return (yield from ear.emergency(digits))
    return (yield from entered(ear.flow, name, entry, digits, by))
