"""The room's tables. Times are ``timestamptz``, written in UTC.

ticket_counters  the last number given out on each day (of Asia/Shanghai)
tickets          工单, the present state of each
ticket_units     the other units that take part in a ticket: co-units, and the county it went through
deadlines        the limits 时限 that run, as ``tickets.life`` has them
ticket_events    every change of a ticket, append-only (a trigger sees to it)
ticket_feed      the events in the order in which they were committed: who reads on from a position misses none
ticket_sign_offs steps that wait for a leader's signature 送签, or came back without it

Triggers, functions and the search index are in the migration.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
_EMPTY = text("'{}'")
_NO = text("false")
_OPEN = "state NOT IN ('archived', 'declined')"
_DUE = "COALESCE(due_at, 'infinity'::timestamptz)"
_URGENCY = (
    "(CASE WHEN urgent THEN 0 WHEN warning IN ('red', 'inspection') THEN 1"
    " WHEN supervised OR warning IS NOT NULL THEN 2 ELSE 3 END)"
)

ticket_counters = Table(
    "ticket_counters",
    metadata,
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    Column("number", Text, primary_key=True),
    Column("call_id", Text, unique=True),
    Column("channel", Text, nullable=False),
    Column("channel_ref", Text, nullable=False, server_default=""),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("version", Integer, nullable=False, server_default="1"),
    # Empty until somebody takes the ticket up: then the city's policy of that moment is its own for good (while a
    # sample city is loaded: city_policy.py).
    Column("policy", Text, nullable=False, server_default=""),
    # tickets.life.Life without what is as by default. The columns up to `wake_at` repeat what queries look at.
    Column("life", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("urgent", Boolean, nullable=False, server_default=_NO),
    Column("public", Boolean, nullable=False, server_default=text("true")),
    Column("unit", Text, nullable=False, server_default=""),
    Column("co_units", ARRAY(Text), nullable=False, server_default=_EMPTY),
    Column("county", Text, nullable=False, server_default=""),
    Column("warning", Text),
    Column("supervised", Boolean, nullable=False, server_default=_NO),
    Column("due_at", DateTime(timezone=True)),
    Column("wake_at", DateTime(timezone=True)),
    # By what a caller is recognised: the number, or its mark in a confidential ticket.
    Column("caller_key", Text, nullable=False, server_default=""),
    Column("parent", Text, ForeignKey("tickets.number")),
    Column("duplicate_of", Text, ForeignKey("tickets.number")),
    Column("confidential", Boolean, nullable=False, server_default=_NO),
    Column("handler", Text, nullable=False, server_default=""),
    # A confidential ticket's words, as JSON; the columns below are then empty.
    Column("sealed", Text),
    Column("title", Text, nullable=False, server_default=""),
    Column("content", Text, nullable=False, server_default=""),
    Column("requester", Text, nullable=False, server_default=""),
    Column("contact", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("area", Text, nullable=False, server_default=""),
    Column("caller", Text, nullable=False, server_default=""),
    Column("caller_e164", Text),
    Column("keyed", Text, nullable=False, server_default=""),
    Column("summary", Text, nullable=False, server_default=""),
    Index("tickets_received", "received_at", "number"),
    Index("tickets_state", "state", "received_at", "number"),
    Index("tickets_category", "category", "received_at", "number"),
    Index("tickets_channel", "channel", "received_at", "number", postgresql_where=text("channel <> 'phone'")),
    Index("tickets_unit", "unit", "received_at", "number", postgresql_where=text("unit <> ''")),
    Index("tickets_unit_state", "unit", "state", "received_at", "number", postgresql_where=text("unit <> ''")),
    Index("tickets_caller", "caller_key", "received_at", "number", postgresql_where=text("caller_key <> ''")),
    Index("tickets_urgent", "received_at", "number", postgresql_where=text("urgent")),
    Index("tickets_supervised", "received_at", "number", postgresql_where=text("supervised")),
    Index("tickets_warning", "warning", "received_at", "number", postgresql_where=text("warning IS NOT NULL")),
    Index("tickets_due", "due_at", "number", postgresql_where=text("due_at IS NOT NULL")),
    Index("tickets_wake", "wake_at", "number", postgresql_where=text("wake_at IS NOT NULL")),
    Index(
        "tickets_callback",
        text("COALESCE(life->>'callback_since', '')"),
        "number",
        postgresql_where=text(
            "life->'obligations' @> '\"manual_callback\"' AND (state IN ('completed', 'reviewed')"
            " OR state = 'rework' AND life->'callback_why' @> '\"asked\"')"
        ),
    ),
    Index("tickets_parent", "parent", postgresql_where=text("parent IS NOT NULL")),
    Index("tickets_open_due", text(_DUE), "number", postgresql_where=text(_OPEN)),
    Index("tickets_open_urgency", text(_URGENCY), text(_DUE), "number", postgresql_where=text(_OPEN)),
    Index("tickets_unit_open", "unit", text(_DUE), "number", postgresql_where=text(f"unit <> '' AND {_OPEN}")),
    Index("tickets_extension", "received_at", "number", postgresql_where=text("life->'extension_days' IS NOT NULL")),
    Index("tickets_handler", "handler", "received_at", "number", postgresql_where=text("handler <> ''")),
    Index("tickets_address", "address", "received_at", "number", postgresql_where=text("address <> ''")),
    Index("tickets_duplicate", "duplicate_of", postgresql_where=text("duplicate_of IS NOT NULL")),
)

ticket_units = Table(
    "ticket_units",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("received_at", DateTime(timezone=True), primary_key=True),
    Column("number", Text, ForeignKey("tickets.number"), primary_key=True),
    Index("ticket_units_number", "number"),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("number", Text, ForeignKey("tickets.number"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("article", Text, nullable=False),
    Column("provisional", Boolean, nullable=False, server_default=_NO),
    Column("passed", Boolean, nullable=False, server_default=_NO),
    # Only where it is provisional, to count again from: the day it was set, and the working days left on that day.
    Column("since", Date),
    Column("working_days", Integer),
    # It does not run: it runs on if the review sends the ticket back. Here only where it is provisional.
    Column("kept", Boolean, nullable=False, server_default=_NO),
    Index("deadlines_kind", "kind", "due_at", "number"),
    Index("deadlines_provisional", "number", postgresql_where=text("provisional")),
)

ticket_events = Table(
    "ticket_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("number", Text, ForeignKey("tickets.number"), nullable=False),
    # When it happened. What the clock does late still happened at its own time.
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default=_EMPTY),
    # What people wrote and who they are; in a confidential ticket sealed.
    Column("words", JSONB),
    Column("sealed", Text),
    Column("articles", ARRAY(Text), nullable=False, server_default=_EMPTY),
    Index("ticket_events_number", "number", "id"),
    Index("ticket_events_actor", "actor", "id"),
    Index("ticket_events_called", text("(data->>'call_id')"), postgresql_where=text("kind = 'called'")),
    Index("ticket_events_about", text("(data->>'about_call')"), postgresql_where=text("data ? 'about_call'")),
)

ticket_feed = Table(
    "ticket_feed",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event", BigInteger, ForeignKey("ticket_events.id"), nullable=False),
)

ticket_sign_offs = Table(
    "ticket_sign_offs",
    metadata,
    Column("number", Text, ForeignKey("tickets.number"), primary_key=True),
    # Another one each time it is sent: who decides says what was looked at.
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("what", Text, nullable=False),
    # The ticket's, when it was sent: where one of them changes, it lapses.
    Column("state", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("confidential", Boolean, nullable=False),
    # Of an extension only.
    Column("extensions", Integer, nullable=False),
    Column("prepared_by", Text, nullable=False),
    Column("prepared_at", DateTime(timezone=True), nullable=False),
    # Who sent it back. Until then it waits.
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    # The command and why it came back; in a confidential ticket sealed.
    Column("words", JSONB(none_as_null=True)),
    Column("sealed", Text),
)
