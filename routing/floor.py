"""The live floor 话务现场 from Asterisk's manager events: a fold. Pure; the connection is in hotline/floor.py.

Whatever is known of one moment comes from Asterisk's lists (:meth:`Fold.load`), what happens from then on from events
(:meth:`Fold.apply`). An event that the lists already contain changes nothing, so both may overlap. Only what an event
is about is looked at again when the next :class:`Floor` is taken (:meth:`Fold.take`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from routing.ami_wire import Event
from routing.floor_agents import Member, agent_of, queues_of
from routing.floor_calls import Waiting, call_of
from routing.floor_lines import Line, Side, duration, known, of_event, of_row
from routing.floor_plan import Now, Plan, Sitting
from routing.floor_rows import AgentNow, CallNow, Floor, QueueNow, TodayNow

EVENTS = (
    "Newchannel Newstate NewCallerid Hangup DialBegin DialEnd BridgeEnter BridgeLeave Hold Unhold UserEvent"
    " QueueCallerJoin QueueCallerLeave AgentComplete QueueMemberAdded QueueMemberRemoved QueueMemberPause PeerStatus"
).split()
"""What is listened to (``eventfilter`` of [floor] in ``asterisk_conf/manager.conf.j2``)."""
_INTERFACE = "PJSIP/"


class Fold:
    """``apply``, ``load`` and the ``set_`` functions, in the order in which things happened; ``take`` at any time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lines: dict[str, Line] = {}
        self._of_call: dict[str, set[str]] = {}
        self._of_agent: dict[str, set[str]] = {extension: set() for extension in plan.agents}
        self._waiting: dict[str, Waiting] = {}
        self._members: dict[str, Member] = {extension: Member() for extension in plan.agents}
        self._reachable: set[str] = set()
        self._wrapup: dict[str, datetime] = {}
        self._followed_since: datetime | None = None
        self._seats: Mapping[str, Sitting] = {}
        self._calls_touched: set[str] = set()
        self._agents_touched = set(plan.agents)
        queues = {id: QueueNow(id, name) for id, name in plan.queues.items()}
        agents = {key: AgentNow(key, one.name, phone=one.phone) for key, one in plan.agents.items()}
        self._floor = Floor(queues=queues, agents=agents)

    def load(self, now: Now, at: datetime) -> None:
        """Everything anew from Asterisk's lists. What these do not tell (since when, on hold, which emergency service
        was dialled) stays as it was for calls and agents that are still there."""
        self._followed_since = self._followed_since or at
        before = self._lines
        self._lines, self._of_call, self._waiting = {}, {}, {}
        self._of_agent = {extension: set() for extension in self._plan.agents}
        self._members = {extension: Member() for extension in self._plan.agents}
        self._reachable = set(now.reachable)
        for row in now.channels:
            line = of_row(row, self._plan.agents, at - duration(row.duration))
            if (was := before.get(row.unique_id)) is not None:
                line.began, line.held, line.dialled = was.began, was.held, was.dialled
                # An extension's own call and one that it is rung for look the same in the list.
                line.side, line.root = was.side, was.root
            self._put(row.unique_id, line)
        for entry in now.status.waiting:
            line_of = self._lines.get(entry.call_id)
            if line_of is not None and line_of.side is Side.CITIZEN:
                queue = self._queue(entry.queue, line_of.connected)
                self._waiting[entry.call_id] = Waiting(entry.queue, queue, at - timedelta(seconds=entry.wait_seconds))
        for member in now.status.members:
            agent = self._members.get(member.interface.removeprefix(_INTERFACE))
            if agent is not None:
                agent.paused[member.queue] = member.paused_reason if member.paused else None
                self._note_wrapup(member.interface, member.queue, member.last_call, at)
        self._calls_touched |= {*self._of_call, *self._floor.calls}
        self._agents_touched |= set(self._plan.agents)

    def apply(self, event: Event, at: datetime) -> None:
        """What happened. Events of a kind that is not in :data:`EVENTS` change nothing."""
        kind = event["Event"]
        if kind not in EVENTS:
            return
        if kind.startswith("QueueMember"):
            self._member(kind, event)
        elif kind == "PeerStatus":
            self._peer(event)
        elif kind == "AgentComplete":
            self._completed(event, at)
        elif kind == "Newchannel":
            unique_id = event.get("Uniqueid", "")
            if unique_id not in self._lines:
                self._put(unique_id, of_event(event, self._plan.agents, at))
        else:
            self._line(kind, event, at)

    def tick(self, at: datetime) -> None:
        """Time passes: who has wrapped up is ready."""
        for extension, until in list(self._wrapup.items()):
            if until <= at:
                del self._wrapup[extension]
                self._agents_touched.add(extension)

    def set_ready(self, ready: bool) -> None:
        """Not ready: from here on events are missed."""
        if not ready:
            self._followed_since = None
        if ready != self._floor.ready:
            self._floor = replace(self._floor, ready=ready)

    def set_seats(self, seats: Mapping[str, Sitting]) -> None:
        """Who sits where, by extension."""
        if seats != self._seats:
            self._seats = dict(seats)
            self._agents_touched |= set(self._plan.agents)

    def set_today(self, today: TodayNow) -> None:
        if today != self._floor.today:
            self._floor = replace(self._floor, today=today)

    def take(self, at: datetime) -> Floor:
        """The state of now; the same object as before if nothing has changed."""
        self.tick(at)
        if not self._calls_touched and not self._agents_touched:
            return self._floor
        was = self._floor
        calls = dict(was.calls)
        for call in self._calls_touched:
            row = self._call(call, was.calls.get(call), at)
            if row is None:
                calls.pop(call, None)
            else:
                calls[call] = row
        agents = dict(was.agents)
        for extension in self._agents_touched:
            agents[extension] = self._agent(was.agents[extension], calls, at)
        self._calls_touched.clear()
        self._agents_touched.clear()
        queues = queues_of(was.queues, agents.values(), self._waiting.values())
        self._floor = replace(was, queues=queues, agents=agents, calls=calls)
        return self._floor

    # ---- what events are about

    def _line(self, kind: str, event: Event, at: datetime) -> None:
        ends = ("", "Dest") if kind.startswith("Dial") else ("",)
        for end in ends:
            unique_id = event.get(f"{end}Uniqueid", "")
            line = self._lines.get(unique_id)
            if line is None:
                continue
            self._touch(line)
            was = line.call
            line.says({key[4:]: value for key, value in event.items() if key.startswith(end)} if end else event)
            if line.call != was:
                self._leave(unique_id, was)
                self._of_call.setdefault(line.call, set()).add(unique_id)
            if end and kind == "DialBegin":
                line.dialled = event.get("DialString", "").removeprefix(_INTERFACE).partition("@")[0]
            elif not end:
                self._happened(kind, unique_id, line, event, at)
            self._touch(line)

    def _happened(self, kind: str, unique_id: str, line: Line, event: Event, at: datetime) -> None:
        match kind:
            case "Hangup":
                self._gone(unique_id, line)
            case "BridgeEnter":
                # Whoever went to speak with somebody else and came back has not been heard to say so.
                line.bridge, line.held = event.get("BridgeUniqueid", ""), False
            case "BridgeLeave":
                if line.bridge == event.get("BridgeUniqueid", ""):
                    line.bridge = ""
            case "Hold" | "Unhold":
                line.held = kind == "Hold"
            case "QueueCallerJoin":
                # Not what holds a place, nor an agent who wants to ask whoever is free next.
                if line.side is Side.CITIZEN:
                    queue = event.get("Queue", "")
                    self._waiting[unique_id] = Waiting(queue, self._queue(queue, line.connected), at)
            case "QueueCallerLeave":
                entry = self._waiting.get(unique_id)
                if entry is not None and entry.stands_in == event.get("Queue", ""):
                    del self._waiting[unique_id]

    def _member(self, kind: str, event: Event) -> None:
        extension = event.get("Interface", "").removeprefix(_INTERFACE)
        member = self._members.get(extension)
        if member is None:
            return
        self._agents_touched.add(extension)
        queue = event.get("Queue", "")
        if kind == "QueueMemberRemoved":
            member.paused.pop(queue, None)
            if not member.paused:
                # Whoever leaves all queues and joins anew has ended the wrap-up early.
                self._wrapup.pop(extension, None)
        elif kind == "QueueMemberAdded" or queue in member.paused:
            member.paused[queue] = event.get("PausedReason", "") if event.get("Paused") == "1" else None

    def _peer(self, event: Event) -> None:
        extension = event.get("Peer", "").removeprefix(_INTERFACE)
        if extension in self._plan.agents:
            self._agents_touched.add(extension)
            if event.get("PeerStatus") in ("Reachable", "Registered"):
                self._reachable.add(extension)
            else:
                self._reachable.discard(extension)

    def _completed(self, event: Event, at: datetime) -> None:
        extension = event.get("Interface", "").removeprefix(_INTERFACE)
        if extension in self._plan.agents:
            self._agents_touched.add(extension)
            until = at + timedelta(seconds=self._plan.wrapup.get(event.get("Queue", ""), 0))
            if until > at:
                self._wrapup[extension] = until

    def _note_wrapup(self, interface: str, queue: str, last_call: int, at: datetime) -> None:
        """A call that ended when nobody listened: the list tells when, but not in which queue it was. As if in this."""
        if not last_call or self._followed_since is None or last_call >= self._followed_since.timestamp():
            return
        extension = interface.removeprefix(_INTERFACE)
        seconds = self._plan.wrapup.get(queue, 0)
        until = datetime.fromtimestamp(last_call, at.tzinfo) + timedelta(seconds=seconds)
        if until > self._wrapup.get(extension, at):
            self._wrapup[extension] = until

    # ---- which channels are whose

    def _put(self, unique_id: str, line: Line) -> None:
        self._lines[unique_id] = line
        self._of_call.setdefault(line.call, set()).add(unique_id)
        if line.side is Side.AGENT:
            self._of_agent[line.endpoint].add(unique_id)
        self._touch(line)

    def _gone(self, unique_id: str, line: Line) -> None:
        del self._lines[unique_id]
        self._waiting.pop(unique_id, None)
        self._leave(unique_id, line.call)
        if line.side is Side.AGENT:
            self._of_agent[line.endpoint].discard(unique_id)

    def _leave(self, unique_id: str, call: str) -> None:
        """It is over, or two calls became one, whose channels go by the id of the older."""
        self._of_call[call].discard(unique_id)
        if not self._of_call[call]:
            del self._of_call[call]

    def _touch(self, line: Line) -> None:
        self._calls_touched.add(line.call)
        # All agents of the call: which call theirs is can depend on who else is in it.
        for unique_id in self._of_call.get(line.call, ()):
            one = self._lines.get(unique_id)
            if one is not None and one.side is Side.AGENT:
                self._agents_touched.add(one.endpoint)
        if line.side is Side.AGENT:
            self._agents_touched.add(line.endpoint)

    def _queue(self, queue: str, connected: str) -> str | None:
        """Who is first offered to an agent's own queue stands in the queue that he is shown."""
        return next((one for one in (queue, known(connected)) if one in self._plan.queues), None)

    # ---- rows

    def _call(self, call: str, before: CallNow | None, at: datetime) -> CallNow | None:
        lines = {one: self._lines[one] for one in self._of_call.get(call, ()) if one in self._lines}
        via = next((via for prefix, via in self._plan.ours.items() if call.startswith(prefix)), None)
        return call_of(call, lines, self._waiting, self._plan.queues, self._plan.mask, via, before, at)

    def _agent(self, before: AgentNow, calls: Mapping[str, CallNow], at: datetime) -> AgentNow:
        extension = before.extension
        own = [self._lines[one] for one in self._of_agent[extension]]
        own.sort(key=lambda line: (not line.up, line.began))
        return agent_of(
            before,
            own,
            self._members[extension],
            self._plan.queues,
            sitting=self._seats.get(extension),
            reachable=extension in self._reachable,
            wrapup=self._wrapup.get(extension),
            call_id=next((line.call for line in own if line.call in calls), None),
            at=at,
        )
