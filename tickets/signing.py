"""领导签批: which commands ask for the leader's paper, and what they are without it and with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from tickets.commands import Complete, Extend
from tickets.life import Life
from tickets.policy import Basis, Policy
from tickets.words import State

Signed = Literal["complete", "extend"]
Signable = Annotated[Complete | Extend, Field(discriminator="do")]
PAPERS: Mapping[str, str] = {"complete": "leader_approval", "extend": "leader_consent"}
"""The field of each such command that is the leader's."""

One = TypeVar("One", Complete, Extend, Complete | Extend)


def paper_of(policy: Policy, life: Life, do: str) -> Basis | None:
    """Under what the leader's paper is asked for now; None: it is not."""
    if do == "complete" and life.state is not State.ACCEPTED:  # on the spot the hotline itself answers
        return policy.content if "领导签批" in policy.content.needs else None
    rule = policy.extension
    if do == "extend" and rule is not None and life.extensions_granted > 0:
        return rule if "领导同意" in rule.again_needs else None
    return None


def unsigned(command: One) -> One:
    """As it is prepared: the paper is the leader's to give."""
    return command.model_copy(update={PAPERS[command.do]: False})


def signed(command: One) -> One:
    return command.model_copy(update={PAPERS[command.do]: True})
