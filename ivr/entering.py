"""A number to enter: what an entry of the flow does with it. Pure, like :mod:`ivr.dialogue`."""

from __future__ import annotations

from ivr import progress
from ivr.ear import Ear
from ivr.flow import Entry
from ivr.keys import leave
from ivr.spoken_number import Asking, collect
from ivr.steps import Conversation, Decision, Node, Note


def enter(ear: Ear, name: Node, entry: Entry) -> Conversation:
    """The caller is told of it, or it goes with the call to the entry's queue."""
    if entry.tells == "progress":
        return (yield from progress.tell(ear, name, entry))
    asking = Asking(name, (entry.say,), round(entry.silence_seconds * 1000), entry.max_digits)
    number = yield from collect(ear, asking)
    if isinstance(number, Decision):
        return number
    if not number.digits:
        return (yield from leave(ear.flow.to_agent, Decision("queue", entry.queue, entry.category, "silence")))
    yield Note("NUMBER", name, number.digits)
    return (yield from leave(entry.noted, Decision("queue", entry.queue, entry.category, number.by)))
