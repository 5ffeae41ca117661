"""Tickets with a life: policy, limits, units, confidential words; events that nobody can change, in a feed."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE tickets
    ADD COLUMN channel_ref text NOT NULL DEFAULT '',
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN policy text NOT NULL DEFAULT '',
    ADD COLUMN life jsonb,
    ADD COLUMN public boolean NOT NULL DEFAULT true,
    ADD COLUMN unit text NOT NULL DEFAULT '',
    ADD COLUMN co_units text[] NOT NULL DEFAULT '{}',
    ADD COLUMN county text NOT NULL DEFAULT '',
    ADD COLUMN warning text,
    ADD COLUMN supervised boolean NOT NULL DEFAULT false,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN wake_at timestamptz,
    ADD COLUMN caller_key text NOT NULL DEFAULT '',
    ADD COLUMN parent text REFERENCES tickets,
    ADD COLUMN duplicate_of text REFERENCES tickets,
    ADD COLUMN confidential boolean NOT NULL DEFAULT false,
    ADD COLUMN handler text NOT NULL DEFAULT '',
    ADD COLUMN sealed text,
    ADD COLUMN title text NOT NULL DEFAULT '',
    ADD COLUMN content text NOT NULL DEFAULT '',
    ADD COLUMN requester text NOT NULL DEFAULT '',
    ADD COLUMN contact text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN area text NOT NULL DEFAULT ''
"""
# As tickets.ticket.key_of has it.
_KEY = "COALESCE({0}, CASE WHEN {1} IN ('号码隐藏', '号码异常', '匿名') THEN '' ELSE {1} END)"
_ROW_KEY = _KEY.format("caller_e164", "caller")
_EVENT_KEY = _KEY.format("data->>'caller_e164'", "data->>'caller'")
# All that is there came in by telephone and waits: its life is what is known of it, the rest is as by default.
_BACKFILL = f"""
UPDATE tickets SET
    caller_key = {_ROW_KEY},
    updated_at = received_at,
    life = jsonb_build_object('category', category, 'urgent', urgent, 'caller', {_ROW_KEY})
"""
_INDEXES = """
DROP INDEX tickets_received;
CREATE INDEX tickets_received ON tickets (received_at, number);
CREATE INDEX tickets_state ON tickets (state, received_at, number);
CREATE INDEX tickets_category ON tickets (category, received_at, number);
CREATE INDEX tickets_channel ON tickets (channel, received_at, number) WHERE channel <> 'phone';
CREATE INDEX tickets_unit ON tickets (unit, received_at, number) WHERE unit <> '';
CREATE INDEX tickets_unit_state ON tickets (unit, state, received_at, number) WHERE unit <> '';
CREATE INDEX tickets_caller ON tickets (caller_key, received_at, number) WHERE caller_key <> '';
CREATE INDEX tickets_urgent ON tickets (received_at, number) WHERE urgent;
CREATE INDEX tickets_supervised ON tickets (received_at, number) WHERE supervised;
CREATE INDEX tickets_warning ON tickets (warning, received_at, number) WHERE warning IS NOT NULL;
CREATE INDEX tickets_due ON tickets (due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX tickets_wake ON tickets (wake_at, number) WHERE wake_at IS NOT NULL;
CREATE INDEX tickets_parent ON tickets (parent) WHERE parent IS NOT NULL;
CREATE INDEX tickets_duplicate ON tickets (duplicate_of) WHERE duplicate_of IS NOT NULL
"""
_TABLES = """
CREATE TABLE ticket_units (
    unit text NOT NULL,
    received_at timestamptz NOT NULL,
    number text NOT NULL REFERENCES tickets,
    PRIMARY KEY (unit, received_at, number)
);
CREATE INDEX ticket_units_number ON ticket_units (number);
CREATE TABLE deadlines (
    number text NOT NULL REFERENCES tickets,
    kind text NOT NULL,
    due_at timestamptz NOT NULL,
    article text NOT NULL,
    provisional boolean NOT NULL DEFAULT false,
    passed boolean NOT NULL DEFAULT false,
    since date,
    working_days integer,
    kept boolean NOT NULL DEFAULT false,
    PRIMARY KEY (number, kind)
);
CREATE INDEX deadlines_provisional ON deadlines (number) WHERE provisional;
ALTER TABLE ticket_events
    ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN words jsonb,
    ADD COLUMN sealed text,
    ADD COLUMN articles text[] NOT NULL DEFAULT '{}';
CREATE TABLE ticket_feed (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event bigint NOT NULL REFERENCES ticket_events
)
"""
# What a ticket's events said of the caller moves to `words`, and they begin the feed.
_EVENTS = f"""
UPDATE ticket_events SET
    words = jsonb_strip_nulls(jsonb_build_object(
        'caller', data->'caller', 'caller_e164', data->'caller_e164', 'keyed', data->'keyed',
        'summary', data->'summary',
        'changes', jsonb_build_object('caller', {_EVENT_KEY}))),
    data = data - 'caller' - 'caller_e164' - 'keyed' - 'summary' || jsonb_build_object(
        'changes', jsonb_build_object('category', data->'category', 'urgent', data->'urgent')),
    recorded_at = at;
INSERT INTO ticket_feed (event) SELECT id FROM ticket_events ORDER BY id
"""
# The one change that is allowed takes the words out of sight, when a ticket becomes confidential, and later seals them
# with another key.
_APPEND_ONLY = """
CREATE FUNCTION ticket_events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.words IS NULL AND NEW.sealed IS NOT NULL
       AND (NEW.id, NEW.number, NEW.at, NEW.recorded_at, NEW.kind, NEW.actor, NEW.data, NEW.articles)
         = (OLD.id, OLD.number, OLD.at, OLD.recorded_at, OLD.kind, OLD.actor, OLD.data, OLD.articles) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'ticket_events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER ticket_events_are_kept BEFORE UPDATE OR DELETE ON ticket_events
    FOR EACH ROW EXECUTE FUNCTION ticket_events_are_kept();
CREATE TRIGGER ticket_events_are_all_kept BEFORE TRUNCATE ON ticket_events
    FOR EACH STATEMENT EXECUTE FUNCTION ticket_events_are_kept()
"""
# Runs at commit, and the lock is held from there to its end: positions are given out in the order in which the events
# become visible, so whoever reads on from a position misses none. (NOTIFY takes such a lock at commit anyway.)
_FEED = """
CREATE FUNCTION ticket_event_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(12345, 1);
    INSERT INTO ticket_feed (event) VALUES (NEW.id) RETURNING position INTO place;
    PERFORM pg_notify('tickets', NEW.number || ' ' || place);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ticket_event_told AFTER INSERT ON ticket_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ticket_event_told()
"""
# pg_trgm cannot find a Chinese word of two letters. Pairs of letters can; the cost keeps the planner from computing
# them for many rows.
_SEARCH = """
CREATE FUNCTION ticket_pairs(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5000 AS $$
    SELECT COALESCE(array_agg(DISTINCT a || b), '{}')
    FROM (SELECT string_to_array(lower(words), NULL) AS letters) AS one,
         unnest(letters[:cardinality(letters) - 1], letters[2:]) AS pair(a, b)
    WHERE a <> ' ' AND b <> ' '
$$;
CREATE INDEX tickets_words ON tickets USING gin (ticket_pairs(title || ' ' || content || ' ' || address))
    WITH (gin_pending_list_limit = 256) WHERE title <> '' OR content <> ''
"""


def upgrade() -> None:
    for part in (_COLUMNS, _BACKFILL, "ALTER TABLE tickets ALTER COLUMN life SET NOT NULL", _INDEXES, _TABLES, _EVENTS):
        op.execute(part)
    for part in (_APPEND_ONLY, _FEED, _SEARCH):
        op.get_bind().exec_driver_sql(part)
