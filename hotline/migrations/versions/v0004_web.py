"""Requests that were sent before, attachments, and the outbox of answers."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_IDEMPOTENCY = """
CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    headers jsonb,
    body jsonb,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_at ON idempotency_keys (at)
"""
_ATTACHMENTS = """
CREATE TABLE attachments (
    id uuid PRIMARY KEY,
    ticket text NOT NULL,
    name text NOT NULL,
    media text NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    sealed boolean NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX attachments_ticket ON attachments (ticket, at)
"""
_NOTICES = """
CREATE TABLE notices (
    id uuid PRIMARY KEY,
    ticket text NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    attempts integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    fault text NOT NULL DEFAULT ''
);
CREATE INDEX notices_waiting ON notices (next_try_at) WHERE state = 'waiting';
CREATE INDEX notices_ticket ON notices (ticket, at)
"""


def upgrade() -> None:
    for part in (_IDEMPOTENCY, _ATTACHMENTS, _NOTICES):
        op.execute(part)
