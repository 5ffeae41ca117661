"""Which role may do what over the API, as a page for people:
``python -m web.api.permissions > docs/api-permissions.md``.

Made from the table of endpoints, the roles, and what each command asks for; a test compares it with the real answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from people.roles import PERMISSIONS, ROLE_NAMES, TOKEN_PERMISSIONS, Permission, Role
from tickets.permits import PERMITS, Permit, Reach
from web.api.endpoint import BASE, PUBLIC, Endpoint
from web.api.table import ENDPOINTS

_HEAD = """# Who may do what over the API 接口权限

Written by `python -m web.api.permissions`; `tests/unit/test_api_permissions.py` compares it with the real answers.

`✓` allowed, `403` refused. Allowed is not everything: units see only tickets that they lead, take part in, or that are
at their county; a confidential ticket is seen by its named handler and by supervisors only. What one may not see is
answered with 404, as if it were not there. A token 平台令牌 may do what its permissions say, at most: {token}.
"""
_COMMANDS = """
## Commands 办理步骤

What `POST /tickets/{number}/commands` asks for. `单位`: for tickets of the own unit (lead, co-unit or county), `牵头`:
only of the lead unit, `县区`: only of the county. `complete` by the hotline itself: only while no unit has the ticket.
"""
_REACH = {Reach.LEAD: "牵头", Reach.ANY_UNIT: "单位", Reach.COUNTY: "县区"}


def may(endpoint: Endpoint, role: Role) -> bool:
    return endpoint.needs is PUBLIC or not endpoint.needs or bool(endpoint.needs & PERMISSIONS[role])


def page() -> str:
    names = [f"{ROLE_NAMES[role]}<br>{role}" for role in Role]
    token = "、".join(f"`{one}`" for one in sorted(TOKEN_PERMISSIONS))
    rows = [
        [f"`{one.method} {one.path}`", one.summary, *("✓" if may(one, role) else "403" for role in Role)]
        for one in ENDPOINTS
    ]
    commands = [[f"`{do}`", *(_ways(permits, role) for role in Role)] for do, permits in PERMITS.items()]
    return (
        _HEAD.replace("{token}", token)
        + f"\nPaths are below `{BASE}`.\n\n"
        + _table(["endpoint", "", *names], rows)
        + _COMMANDS
        + "\n"
        + _table(["command", *names], commands)
    )


def _ways(permits: Sequence[Permit], role: Role) -> str:
    found = [one for one in permits if Permission(one.permission) in PERMISSIONS[role]]
    words = ["✓" if one.reach is None else _REACH[one.reach] for one in found]
    return "、".join(dict.fromkeys(words)) or "403"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    print(page(), end="")
