"""Events one by one in virtual time: citizens who call in, agents, and the dialler beside them.

One loop and no objects for callers, since a year of a province passes through it. Who calls in holds a line from the
first second to the last, hears the menu, waits behind others for an agent, and gives up when patience ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from math import inf

from callback.simulation.course import Course
from callback.simulation.dialler import Agenda, Dialler, Trace
from callback.simulation.draws import callers, day_begins
from callback.simulation.world import HALF_HOUR, HALF_HOURS, World

ENDED, GAVE_UP, OUT_ENDED, OUT_TALKED = range(4)
"""A citizen hangs up and the agent is free; a patience is over; a call of ours is over; who was rung has talked with
an agent."""
Caller = tuple[float, float, float]


def run(
    world: World,
    due_on: Callable[[int], Sequence[float]],
    *,
    until: float,
    stop_when_cleared: bool = True,
    progress: Callable[[float, int], None] | None = None,
    trace: Trace | None = None,
) -> Course:
    """To ``until`` (seconds since the start) at the latest, and with ``stop_when_cleared`` no longer than somebody is
    left to be rung. Calls that came until then are carried to their end.

    ``due_on``: for each day, when targets become due (seconds, ascending). ``progress``: told every half hour what time
    it is and how many are left.
    """
    course = Course()
    agenda: Agenda = [(inf, 0, 0)]
    dialler = Dialler(world, course, agenda, OUT_ENDED, trace)
    trunk = world.pace.trunk_lines or 1 << 60
    menu_s = world.inbound.menu_s
    in_menu: deque[Caller] = deque()
    queue: deque[int] = deque()
    waiting: dict[int, tuple[float, float]] = {}
    """By number: when they came, how long an agent will be busy. Numbers below 0: rung by us, call ``-1 - number``."""
    entered, waited = course.entered.append, course.waited.append
    inbound = busy = callers_so_far = 0

    half_hour = int(-day_begins(world, 0) // HALF_HOUR)
    shift_at = day_begins(world, 0) + (half_hour + 1) * HALF_HOUR
    day, duty = 0, world.on_duty(world.start.weekday())
    agents = duty[half_hour]
    today = _callers(world, 0)
    arrive_at, handling, patience = next(today)
    menu_at = inf
    dialler.take(due_on(0))
    end_at = until
    soon = min(shift_at, end_at, dialler.look_at)
    over = False

    while not over or len(agenda) > 1 or in_menu:
        now = agenda[0][0]
        if arrive_at <= now and arrive_at <= menu_at and arrive_at <= soon:
            if inbound + dialler.lines >= trunk:
                course.blocked.append(arrive_at)
            else:
                inbound += 1
                if not in_menu:
                    menu_at = arrive_at + menu_s
                in_menu.append((arrive_at + menu_s, handling, patience))
            arrive_at, handling, patience = next(today)
            continue
        if menu_at <= now and menu_at <= soon:
            now, handles, waits = in_menu.popleft()
            menu_at = in_menu[0][0] if in_menu else inf
            if busy < agents:
                busy += 1
                entered(now)
                waited(0.0)
                heappush(agenda, (now + handles, ENDED, 0))
            else:
                callers_so_far += 1
                waiting[callers_so_far] = (now, handles)
                queue.append(callers_so_far)
                heappush(agenda, (now + waits, GAVE_UP, callers_so_far))
            continue
        if now <= soon:
            _, kind, who = heappop(agenda)
            if kind == ENDED:
                inbound -= 1
                busy -= 1
            elif kind == OUT_ENDED:
                talk, waits = dialler.wants_agent(who)
                if talk:
                    waiting[-1 - who] = (now, talk)
                    queue.append(-1 - who)
                    heappush(agenda, (now + waits, GAVE_UP, -1 - who))
                else:
                    dialler.ended(who, now)
                    dialler.look(now, inbound, len(waiting))
            elif kind == GAVE_UP:
                given_up = waiting.pop(who, None)
                if given_up is None:
                    continue  # was answered
                if who > 0:
                    inbound -= 1
                    entered(given_up[0])
                    waited(given_up[0] - now)
                else:
                    dialler.ended(-1 - who, now)
                    dialler.look(now, inbound, len(waiting))
            else:
                busy -= 1
                dialler.ended(who, now, connected=True)
                dialler.look(now, inbound, len(waiting))
        elif soon == dialler.look_at:
            now = soon
            dialler.look(now, inbound, len(waiting))
        elif soon == end_at:
            now = soon
        else:
            now = soon
            half_hour += 1
            if half_hour == HALF_HOURS:
                half_hour, day = 0, day + 1
                duty = world.on_duty((world.start.weekday() + day) % 7)
                if not over:
                    today = _callers(world, day)
                    arrive_at, handling, patience = next(today)
                    dialler.take(due_on(day))
            agents = duty[half_hour]
            shift_at += HALF_HOUR
            if not over:
                dialler.next_slot(now, inbound)
                if progress is not None:
                    progress(now, dialler.left)
        while queue and busy < agents:
            first = queue.popleft()
            served = waiting.pop(first, None)
            if served is None:
                continue  # gave up
            busy += 1
            since, handles = served
            if first > 0:
                entered(since)
                waited(now - since)
                heappush(agenda, (now + handles, ENDED, 0))
            else:
                heappush(agenda, (now + handles, OUT_TALKED, -1 - first))
        if not over and (now >= end_at or (stop_when_cleared and course.cleared_at is not None)):
            over, end_at, arrive_at = True, inf, inf
            course.ended_at = now
            dialler.next_slot(now, inbound)
            dialler.stop()
        soon = min(shift_at, end_at, dialler.look_at)
    return course


def _callers(world: World, day: int) -> Iterator[Caller]:
    """Those of the day, and then nobody for ever."""
    drawn = callers(world, day)
    yield from zip(drawn.arrivals, drawn.handling, drawn.patience, strict=True)
    while True:
        yield inf, 0.0, 0.0
