"""The room's tables. Times are ``timestamptz``, written in UTC.

ticket_counters  the last number given out on each day (of Asia/Shanghai)
tickets          工单, the present state of each
ticket_events    every change of a ticket, append-only
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

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
    Column("state", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    Column("caller", Text, nullable=False, server_default=""),
    Column("caller_e164", Text),
    Column("keyed", Text, nullable=False, server_default=""),
    Column("summary", Text, nullable=False, server_default=""),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Index("tickets_received", "received_at"),
)

ticket_events = Table(
    "ticket_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("number", Text, ForeignKey("tickets.number"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ticket_events_number", "number", "id"),
)
