"""What was said in the recordings."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TRANSCRIPTS = """
CREATE TABLE transcripts (
    call_id text PRIMARY KEY,
    sha256 text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    reason text NOT NULL DEFAULT '',
    engine text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    seconds float,
    cut boolean NOT NULL DEFAULT false,
    message_ms integer,
    made_at timestamptz,
    sealed_for text,
    sealed text,
    attempts integer NOT NULL DEFAULT 0,
    expected_at timestamptz NOT NULL DEFAULT now(),
    next_try_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transcripts_pending ON transcripts (expected_at) WHERE state = 'pending'
"""
_SEGMENTS = """
CREATE TABLE transcript_segments (
    call_id text NOT NULL REFERENCES transcripts,
    place integer NOT NULL,
    channel text NOT NULL,
    start_ms integer NOT NULL,
    end_ms integer NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (call_id, place)
)
"""


def upgrade() -> None:
    for part in (_TRANSCRIPTS, _SEGMENTS):
        op.execute(part)
