"""Under which regulation new tickets are while a sample city is loaded."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE demo_items ADD COLUMN policy text")
