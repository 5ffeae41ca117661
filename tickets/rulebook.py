"""What the book decides by: the regulations by name, the calendar, and the box for confidential words."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from tickets.calendar import FOLDER, WorkingDays, load_working_days
from tickets.policy import Policy
from tickets.policy_file import find_policy, policy_names
from tickets.sealing import Box, NoBox


@dataclass(frozen=True, slots=True)
class Rulebook:
    """``default``: the policy of a new ticket. An old ticket keeps the policy it came in under.

    ``chosen``: the operator named it, so that a demonstration's city does not take its place (tickets/city_policy.py).
    """

    policies: Mapping[str, Policy]
    default: str
    days: WorkingDays
    box: Box | None = None
    mark_key: bytes = field(default=b"", repr=False)
    chosen: bool = False

    def __post_init__(self) -> None:
        self.policy(self.default)

    def policy(self, name: str) -> Policy:
        """Raises LookupError."""
        if name not in self.policies:
            raise LookupError(f"没有名为 {name!r} 的规定（no such policy）；现有：{'、'.join(sorted(self.policies))}")
        return self.policies[name]

    def sealing(self) -> Box:
        """Raises :class:`tickets.sealing.NoBox`."""
        if self.box is None:
            raise NoBox("保密工单须先配置密钥")
        return self.box

    def mark(self, caller: str) -> str:
        """The same word for the same caller, from which the number cannot be found without the key."""
        if not caller:
            return ""
        if not self.mark_key:
            raise NoBox("保密工单须先配置密钥")
        return "保密" + hmac.new(self.mark_key, caller.encode(), "sha256").hexdigest()[:32]

    def with_days(self, days: WorkingDays) -> Self:
        return replace(self, days=days)


def load_rulebook(default: str, box: Box | None = None, mark_key: bytes = b"", holidays: Path = FOLDER) -> Rulebook:
    """Every policy there is. A live ticket always gets a date: the calendar may be provisional.

    Raises LookupError for an unknown ``default``, :class:`datafile.DataFileError` for a faulty file.
    """
    policies = {name: find_policy(name) for name in policy_names()}
    return Rulebook(policies, default, load_working_days(holidays, provisional=True), box, mark_key)
