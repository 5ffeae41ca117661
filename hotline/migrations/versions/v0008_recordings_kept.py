"""Recordings are kept under rules: what is over its time, held, or erased; with which key a file is sealed."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RECORDINGS = """
ALTER TABLE recordings
    ADD key_id text NOT NULL DEFAULT '',
    ADD clips jsonb NOT NULL DEFAULT '[]',
    ADD keep_class text NOT NULL DEFAULT '',
    ADD keep_rules text NOT NULL DEFAULT '',
    ADD keep_look_at timestamptz NOT NULL DEFAULT now(),
    ADD erased_at timestamptz,
    ADD erased_by text NOT NULL DEFAULT '',
    ADD unremoved boolean NOT NULL DEFAULT false;
CREATE INDEX recordings_to_look_at ON recordings (keep_rules, keep_look_at) WHERE state NOT IN ('pending', 'erased');
CREATE INDEX recordings_sealed ON recordings (key_id, call_id) WHERE key_id <> '';
CREATE INDEX recordings_unremoved ON recordings (call_id) WHERE unremoved
"""
_HOLDS = """
CREATE TABLE recording_holds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id text,
    ticket text,
    reason text NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL,
    lifted_at timestamptz,
    lifted_by text NOT NULL DEFAULT '',
    lift_reason text NOT NULL DEFAULT '',
    CHECK ((call_id IS NULL) <> (ticket IS NULL))
);
CREATE INDEX recording_holds_call ON recording_holds (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX recording_holds_ticket ON recording_holds (ticket) WHERE ticket IS NOT NULL
"""
# A call that was not recorded has a row, too: what was said at its menu is kept as long, and no longer.
_NOT_RECORDED = """
INSERT INTO recordings (call_id, file, state, reason)
    SELECT id, '', 'none', 'not recorded' FROM calls WHERE ended_at IS NOT NULL
    ON CONFLICT DO NOTHING
"""
# Which tickets a call belongs to: the one it made, the one it was a callback for, the one an agent called about.
_OWN = """
CREATE INDEX ticket_events_called ON ticket_events ((data->>'call_id')) WHERE kind = 'called';
CREATE VIEW call_own_tickets AS
    SELECT call_id, number FROM tickets WHERE call_id IS NOT NULL
    UNION ALL
    SELECT a.call_id, g.ticket FROM callback_attempts a JOIN callback_targets g ON g.id = a.target_id
        WHERE a.call_id IS NOT NULL AND g.ticket IS NOT NULL
    UNION ALL
    SELECT data->>'call_id', number FROM ticket_events WHERE kind = 'called'
"""
# And those of the same matter: where it was merged into, what it was split from or into.
_MATTER = """
CREATE VIEW call_tickets AS
    SELECT o.call_id, m.number FROM call_own_tickets o CROSS JOIN LATERAL (
        SELECT o.number
        UNION SELECT t.duplicate_of FROM tickets t WHERE t.number = o.number AND t.duplicate_of IS NOT NULL
        UNION SELECT t.parent FROM tickets t WHERE t.number = o.number AND t.parent IS NOT NULL
        UNION SELECT p.number FROM tickets p WHERE p.parent = o.number
    ) m
"""


def upgrade() -> None:
    for part in (_RECORDINGS, _NOT_RECORDED, _HOLDS, _OWN, _MATTER):
        op.get_bind().exec_driver_sql(part)
