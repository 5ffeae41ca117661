"""What is being said in calls that go on."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_LIVE = """
CREATE TABLE live_words (
    call_id text NOT NULL,
    place integer NOT NULL,
    at timestamptz NOT NULL,
    channel text NOT NULL CHECK (channel IN ('caller', 'other')),
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (call_id, place)
)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_LIVE)
