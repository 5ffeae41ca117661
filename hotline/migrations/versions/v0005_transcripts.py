"""What was said in the recordings; the words of a ticket's draft can be deleted."""

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
# As before, and now the words of a draft may go: a machine made them of words that may have to be deleted.
_APPEND_ONLY = """
CREATE OR REPLACE FUNCTION ticket_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.words IS NULL AND (NEW.sealed IS NOT NULL OR OLD.kind = 'drafted')
       AND (NEW.id, NEW.number, NEW.at, NEW.recorded_at, NEW.kind, NEW.actor, NEW.data, NEW.articles)
         = (OLD.id, OLD.number, OLD.at, OLD.recorded_at, OLD.kind, OLD.actor, OLD.data, OLD.articles) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'ticket_events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def upgrade() -> None:
    for part in (_TRANSCRIPTS, _SEGMENTS):
        op.execute(part)
    op.get_bind().exec_driver_sql(_APPEND_ONLY)
