"""Who sits at which telephone."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SEATS = """
CREATE TABLE seats (
    extension text PRIMARY KEY,
    user_id bigint NOT NULL UNIQUE REFERENCES users (id),
    taken_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SEATS)
