"""The tickets whose citizens a person is to call back are found by themselves, the longest owed first."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TASKS = """
CREATE INDEX tickets_callback ON tickets (COALESCE(life->>'callback_since', ''), number)
    WHERE life->'obligations' @> '"manual_callback"' AND (state IN ('completed', 'reviewed')
        OR state = 'rework' AND life->'callback_why' @> '"asked"')
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TASKS)
