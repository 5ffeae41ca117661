"""Agents 座席 log in, log out, pause and resume: queue memberships in Asterisk, changed over AMI.

Asterisk keeps dynamic members over its own restart (``persistentmembers``): nobody else has to know who is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hotline.ami import open_ami
from hotline.rules import load_rules
from hotline.settings import Settings
from routing.ami import Ami
from routing.live import MemberRow, queue_add, queue_pause, queue_remove, queue_status
from routing.queues import Agent, AgentBook, agent_queue


class UnknownAgent(Exception):
    """No such extension in ``routing/agents.yaml``."""


@dataclass(frozen=True)
class AgentState:
    extension: str
    name: str
    queues: Mapping[str, int]
    """Queues served now, with penalty, without the agent's own; empty: logged out 未签入."""
    paused: str | None
    """The reason of the pause 示忙, or None."""
    in_call: bool


def interface(extension: str) -> str:
    return f"PJSIP/{extension}"


async def login(settings: Settings, extension: str) -> None:
    """Serve the queues that the agent's entry names, with its penalties, and the agent's own, and no others; ready for
    calls."""
    queues = _agent(load_rules().agents, extension).queues
    async with open_ami(settings) as ami:
        await serve(ami, extension, queues)
        await queue_pause(ami, interface(extension), False)


async def serve(ami: Ami, extension: str, queues: Mapping[str, int]) -> None:
    """These queues with these penalties, the agent's own, and no others. Whoever is on a break stays so."""
    serves = {**queues, agent_queue(extension): 0}
    rows = await memberships(ami, extension)
    served = {row.queue: row.penalty for row in rows}
    reason = next((row.paused_reason for row in rows if row.paused), None)
    for queue, penalty in served.items():
        # A new penalty, too, by leaving and joining. A call in progress goes on.
        if serves.get(queue) != penalty:
            await queue_remove(ami, queue, interface(extension))
    for queue, penalty in serves.items():
        if served.get(queue) != penalty:
            break_ = reason is not None
            await queue_add(ami, queue, interface(extension), penalty=penalty, member_name=extension, paused=break_)
    if reason is not None:
        # A member that is added paused has no reason.
        await queue_pause(ami, interface(extension), True, reason=reason)


async def leave(ami: Ami, extension: str) -> None:
    """Every queue. A call in progress goes on."""
    for row in await memberships(ami, extension):
        await queue_remove(ami, row.queue, row.interface)


async def logout(settings: Settings, extension: str) -> None:
    """Leave every queue, also one that the agent's entry no longer names. A call in progress goes on."""
    book = load_rules().agents
    async with open_ami(settings) as ami:
        if not await memberships(ami, extension):
            _agent(book, extension)
        await leave(ami, extension)


async def pause(settings: Settings, extension: str, reason: str) -> None:
    """Take no calls for a while. ``reason`` must be one of the pause reasons in ``routing/agents.yaml``."""
    book = load_rules().agents
    _agent(book, extension)
    if reason not in book.pause_reasons:
        raise ValueError(f"示忙原因 reason must be one of: {', '.join(book.pause_reasons)}")
    await _set_paused(settings, extension, reason)


async def resume(settings: Settings, extension: str) -> None:
    _agent(load_rules().agents, extension)
    await _set_paused(settings, extension, None)


async def states(ami: Ami, book: AgentBook) -> list[AgentState]:
    """Every agent of the book as Asterisk sees it now."""
    members = (await queue_status(ami)).members
    found = []
    for extension, agent in book.agents.items():
        rows = [row for row in members if row.interface == interface(extension)]
        paused = next((row.paused_reason or "示忙" for row in rows if row.paused), None)
        found.append(
            AgentState(
                extension,
                agent.name,
                {row.queue: row.penalty for row in rows if row.queue != agent_queue(extension)},
                paused,
                any(row.in_call for row in rows),
            )
        )
    return found


async def _set_paused(settings: Settings, extension: str, reason: str | None) -> None:
    async with open_ami(settings) as ami:
        if not await memberships(ami, extension):
            raise UnknownAgent(f"座席 {extension} 未签入: hotline agent login {extension}")
        await queue_pause(ami, interface(extension), reason is not None, reason=reason or "")


async def memberships(ami: Ami, extension: str) -> list[MemberRow]:
    return [row for row in (await queue_status(ami)).members if row.interface == interface(extension)]


def _agent(book: AgentBook, extension: str) -> Agent:
    if extension not in book.agents:
        raise UnknownAgent(f"没有座席 {extension} (routing/agents.yaml: {', '.join(book.agents)})")
    return book.agents[extension]
