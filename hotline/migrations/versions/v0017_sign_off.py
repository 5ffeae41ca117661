"""Steps that wait for a unit leader's signature 送签."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SIGN_OFFS = """
CREATE TABLE ticket_sign_offs (
    number text PRIMARY KEY REFERENCES tickets,
    id bigint GENERATED ALWAYS AS IDENTITY,
    what text NOT NULL CHECK (what IN ('complete', 'extend')),
    state text NOT NULL,
    unit text NOT NULL,
    confidential boolean NOT NULL,
    extensions integer NOT NULL,
    prepared_by text NOT NULL,
    prepared_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    words jsonb,
    sealed text,
    CHECK ((words IS NULL) <> (sealed IS NULL)),
    CHECK (confidential = (sealed IS NOT NULL))
)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SIGN_OFFS)
