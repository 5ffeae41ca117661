"""A desk's lists of tickets: the most urgent first, what waits for whom, one's own; the same place again."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OPEN = "state NOT IN ('archived', 'declined')"
_DUE = "COALESCE(due_at, 'infinity'::timestamptz)"
_URGENCY = (
    "CASE WHEN urgent THEN 0 WHEN warning IN ('red', 'inspection') THEN 1"
    " WHEN supervised OR warning IS NOT NULL THEN 2 ELSE 3 END"
)
_INDEXES = f"""
CREATE INDEX tickets_open_due ON tickets ({_DUE}, number) WHERE {_OPEN};
CREATE INDEX tickets_open_urgency ON tickets (({_URGENCY}), {_DUE}, number) WHERE {_OPEN};
CREATE INDEX tickets_unit_open ON tickets (unit, {_DUE}, number) WHERE unit <> '' AND {_OPEN};
CREATE INDEX tickets_extension ON tickets (received_at, number) WHERE life->'extension_days' IS NOT NULL;
CREATE INDEX tickets_handler ON tickets (handler, received_at, number) WHERE handler <> '';
CREATE INDEX tickets_address ON tickets (address, received_at, number) WHERE address <> '';
CREATE INDEX deadlines_kind ON deadlines (kind, due_at, number);
CREATE INDEX ticket_events_actor ON ticket_events (actor, id)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_INDEXES)
