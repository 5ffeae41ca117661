"""The room's tables. Times are ``timestamptz``, written in UTC.

line_places         排队回拨: a caller's place in a queue, kept while he is not on the line
line_place_tries    each ringing for a place, written before it begins; never deleted, never rung twice
announcements       公告 that a supervisor switched on
barred_callers      恶意来电名单
line_switches       维护模式 and the like: one row a switch that is on
progress_tries      who asked for a ticket's progress and gave the wrong digits
missed_callers      漏接: one row a person who was missed and is owed a call
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Identity, Integer, MetaData, Table, Text, text

metadata = MetaData()
_NOW = text("now()")

line_places = Table(
    "line_places",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # The call in which it was asked for; its ticket is the ticket of both.
    Column("call_id", Text, nullable=False, unique=True),
    Column("queue", Text, nullable=False),
    # E.164; one live place a number (partial unique index)
    Column("number", Text, nullable=False),
    # When the caller joined the queue: what his place is counted by.
    Column("joined_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    # line.words.PlaceState
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    # Whose queue it is in, and whose dialler rings (calls.tables.nodes).
    Column("node", Text, nullable=False, server_default=""),
)

line_place_tries = Table(
    "line_place_tries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("place_id", BigInteger, ForeignKey("line_places.id"), nullable=False),
    # pl-<epoch>.<id>: the id of the channel that rings
    Column("call_id", Text, unique=True),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    # line.words.TryOutcome; empty while it is not known
    Column("outcome", Text, nullable=False, server_default=""),
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("text", Text, nullable=False),
    # Name of the recording below <home>/spoken (line.spoken.name_of), without suffix.
    Column("sound", Text, nullable=False),
    # Said to everybody at the greeting when both are empty, else to whom it concerns.
    Column("topic", Text, nullable=False, server_default=""),
    Column("district", Text, nullable=False, server_default=""),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("switched_on_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("switched_off_at", DateTime(timezone=True)),
    Column("switched_off_by", Text, nullable=False, server_default=""),
)

barred_callers = Table(
    "barred_callers",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("number", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # A repetition found by itself is a proposal until a person decides.
    Column("proposed", Boolean, nullable=False, server_default=text("false")),
    Column("barred_by", Text, nullable=False),
    Column("barred_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("lifted_at", DateTime(timezone=True)),
    Column("lifted_by", Text, nullable=False, server_default=""),
)

line_switches = Table(
    "line_switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("switched_by", Text, nullable=False),
    Column("switched_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("until", DateTime(timezone=True)),
)

progress_tries = Table(
    "progress_tries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # E.164 as shown, or "" for a hidden number; and what was asked about, so that many callers cannot guess at one
    Column("caller", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)

missed_callers = Table(
    "missed_callers",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("number", Text, nullable=False),
    # The last of the calls that were missed, and how many there were.
    Column("call_id", Text, nullable=False),
    Column("calls", Integer, nullable=False, server_default="1"),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    # How it ended: line.words.MissedEnd; empty while the call is owed.
    Column("ended", Text, nullable=False, server_default=""),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text, nullable=False, server_default=""),
    Column("taken_by", Text, nullable=False, server_default=""),
    Column("taken_at", DateTime(timezone=True)),
)
