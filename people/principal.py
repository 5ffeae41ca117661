"""Who is asking: a person signed in, or another platform with a token. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from people.roles import Permission, Role

Kind = Literal["user", "token"]


@dataclass(frozen=True, slots=True)
class Principal:
    """``user_id`` is the user's, or the token's for ``kind`` ``token``. ``unit``: None for the centre's own people.

    ``must_change``: signed in with a password that somebody else knows; nothing but changing it is allowed, so
    ``permissions`` is empty until then.
    """

    user_id: int
    name: str
    display_name: str
    roles: frozenset[Role]
    unit: str | None
    permissions: frozenset[Permission]
    kind: Kind = "user"
    must_change: bool = False

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def actor(self) -> str:
        """As events and the audit log name it: ``user:lihua``, ``token:12``."""
        return f"user:{self.name}" if self.kind == "user" else f"token:{self.user_id}"
