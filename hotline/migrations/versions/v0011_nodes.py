"""Several nodes may share the database: which of them read a log, has a recording, rings, and which is still there."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

# Without a name a node is the only one.
_WHOSE = """
ALTER TABLE log_cursors ADD node text NOT NULL DEFAULT '', ADD taken bigint NOT NULL DEFAULT 0;
ALTER TABLE log_cursors DROP CONSTRAINT log_cursors_pkey, ADD PRIMARY KEY (node, stream);
ALTER TABLE calls ADD node text NOT NULL DEFAULT '';
ALTER TABLE recordings ADD node text NOT NULL DEFAULT '';
ALTER TABLE callback_attempts ADD node text NOT NULL DEFAULT '';
ALTER TABLE line_places ADD node text NOT NULL DEFAULT ''
"""
_NODES = """
CREATE TABLE nodes (
    name text PRIMARY KEY CHECK (name <> ''),
    address text NOT NULL DEFAULT '',
    beat_at timestamptz NOT NULL,
    lost_at timestamptz
)
"""


def upgrade() -> None:
    for statements in (_WHOSE, _NODES):
        op.get_bind().exec_driver_sql(statements)
