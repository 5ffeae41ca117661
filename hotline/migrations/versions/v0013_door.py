"""A second factor for signing in, and what belongs to a demonstration."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TOTP = """
ALTER TABLE users ADD totp_sealed text, ADD totp_step bigint, ADD totp_since timestamptz;
CREATE TABLE recovery_codes (
    user_id bigint NOT NULL REFERENCES users (id),
    code_sha256 bytea NOT NULL,
    PRIMARY KEY (user_id, code_sha256)
)
"""
_DEMO = """
CREATE TABLE demo_items (
    kind text NOT NULL CHECK (kind IN ('city', 'unit', 'user', 'ticket', 'number')),
    key text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, key)
)
"""
# As before (0005), and the events of a demonstration's tickets may go: inside remove_demo_events and nowhere else,
# because the setting below is that function's own and is over when it returns.
_APPEND_ONLY = """
CREATE OR REPLACE FUNCTION ticket_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.words IS NULL AND (NEW.sealed IS NOT NULL OR OLD.kind = 'drafted')
       AND (NEW.id, NEW.number, NEW.at, NEW.recorded_at, NEW.kind, NEW.actor, NEW.data, NEW.articles)
         = (OLD.id, OLD.number, OLD.at, OLD.recorded_at, OLD.kind, OLD.actor, OLD.data, OLD.articles) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('hotline.removing_demo', true) = 'on' AND EXISTS (
        SELECT FROM demo_items WHERE kind = 'ticket' AND key = OLD.number
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'ticket_events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
_REMOVE = """
CREATE FUNCTION remove_demo_events(numbers text[]) RETURNS bigint LANGUAGE plpgsql
SET hotline.removing_demo = 'on' AS $$
DECLARE removed bigint;
BEGIN
    DELETE FROM ticket_feed f USING ticket_events e WHERE f.event = e.id AND e.number = ANY (numbers);
    DELETE FROM ticket_events WHERE number = ANY (numbers);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END $$
"""


def upgrade() -> None:
    for statements in (_TOTP, _DEMO, _APPEND_ONLY, _REMOVE):
        op.get_bind().exec_driver_sql(statements)
