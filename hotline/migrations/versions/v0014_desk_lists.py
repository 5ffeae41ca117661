"""Calls are looked for by agent, queue, emergency and message; messages that nobody has heard stand in a list."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_HEARD = """
ALTER TABLE calls ADD message_heard_at timestamptz, ADD message_heard_by text NOT NULL DEFAULT ''
"""
# What was left before and has been taken up since is nobody's any more.
_OLD = """
UPDATE calls c SET message_heard_at = now(), message_heard_by = 'system' FROM tickets t
    WHERE t.call_id = c.id AND t.state <> 'received' AND c.message_file <> ''
"""
_LISTS = """
CREATE INDEX calls_agent ON calls (agent, arrived_at, id) WHERE agent <> '';
CREATE INDEX calls_queue ON calls (queue, arrived_at, id) WHERE queue <> '';
CREATE INDEX calls_emergency ON calls (arrived_at, id) WHERE emergency <> '';
CREATE INDEX calls_message ON calls (arrived_at, id) WHERE message_file <> '';
CREATE INDEX calls_unheard ON calls (arrived_at, id) WHERE message_file <> '' AND message_heard_at IS NULL;
CREATE INDEX alerts_call ON alerts (call_id) WHERE call_id <> ''
"""


def upgrade() -> None:
    for statements in (_HEARD, _OLD, _LISTS):
        op.get_bind().exec_driver_sql(statements)
