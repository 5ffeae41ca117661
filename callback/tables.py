"""The room's tables. Times are ``timestamptz``, written in UTC.

campaigns           回访任务
callback_targets    who is to be rung: one row a person and campaign
callback_attempts   each ringing, written before it begins; never deleted, never rung twice
callback_answers    what was answered, one row a question
do_not_call         numbers that asked not to be rung again, with reason
outbound_pace       one row a trunk: its token bucket; locked by whoever claims, so that diallers take turns
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
E164 = r"~ '^\+[1-9][0-9]{4,14}$'"
"""The tables' own condition on a number. Callers may pretend to have any, and calls and tickets keep what they had."""
_EMPTY = text("'{}'")
_NOW = text("now()")


campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("survey", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="draft"),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),
    # callback.campaign.Rules
    Column("rules", JSONB, nullable=False, server_default=_EMPTY),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)

callback_targets = Table(
    "callback_targets",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("campaign_id", BigInteger, ForeignKey("campaigns.id"), nullable=False),
    # What the person is rung about: ticket and how often it was reworked, a missed call's id, a line of a file.
    Column("about", Text, nullable=False),
    Column("ticket", Text),
    # E.164; what is dialled is made of it when it is dialled.
    Column("number", Text, nullable=False),
    # The policy's scale, most satisfied first (tickets.words.Level), for surveys that ask by it.
    Column("scale", JSONB, nullable=False, server_default=text("'[]'")),
    # The article behind it, for the ticket's history.
    Column("article", Text, nullable=False, server_default=""),
    # Earlier is rung first.
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("next_at", DateTime(timezone=True), nullable=False),
    # Those that count: not the ones that were never dialled.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("outcome", Text, nullable=False, server_default=""),
    # Why it stands as it does, for people.
    Column("reason", Text, nullable=False, server_default=""),
    # It ended without another attempt, and its ticket does not know yet.
    Column("to_tell", Boolean, nullable=False, server_default=text("false")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    UniqueConstraint("campaign_id", "about"),
    Index("callback_targets_due", "campaign_id", "next_at", "due_at", "id", postgresql_where=text("state = 'waiting'")),
    Index("callback_targets_ticket", "ticket", postgresql_where=text("ticket IS NOT NULL")),
    Index("callback_targets_number", "number"),
    Index("callback_targets_state", "campaign_id", "state"),
    Index("callback_targets_to_tell", "id", postgresql_where=text("to_tell")),
)

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("target_id", BigInteger, ForeignKey("callback_targets.id"), nullable=False),
    Column("campaign_id", BigInteger, ForeignKey("campaigns.id"), nullable=False),
    Column("number", Text, nullable=False),
    # Asterisk's unique id of the channel: ``cb-<epoch seconds>.<attempt id>`` (calls.events.CALL_ID).
    Column("call_id", Text, unique=True),
    # The dialler that claimed it, for the log of the operator.
    Column("dialler", Text, nullable=False),
    # Whose Asterisk was asked for it.
    Column("node", Text, nullable=False, server_default=""),
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    # The line is free again: said at once by the manager interface, and for good by the log. NULL: in use.
    Column("freed_at", DateTime(timezone=True)),
    # From here on from Asterisk's log alone. NULL outcome: not known yet.
    Column("answered_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("outcome", Text),
    # Q.850
    Column("cause", Integer),
    # What the log says beside the answers: asked, agent, connected, opted_out, comment (callback.survey.Result).
    Column("result", JSONB, nullable=False, server_default=_EMPTY),
    # Target and ticket know of it.
    Column("applied", Boolean, nullable=False, server_default=text("false")),
    Index("callback_attempts_target", "target_id", "id"),
    Index("callback_attempts_campaign", "campaign_id", "id"),
    Index("callback_attempts_begun", "campaign_id", "claimed_at"),
    Index("callback_attempts_number", "number", "claimed_at"),
    Index("callback_attempts_in_use", "campaign_id", postgresql_where=text("freed_at IS NULL")),
    Index("callback_attempts_unknown", "id", postgresql_where=text("outcome IS NULL")),
    Index("callback_attempts_to_apply", "id", postgresql_where=text("outcome IS NOT NULL AND NOT applied")),
    Index("callback_attempts_not_applied", "number", postgresql_where=text("NOT applied")),
)

callback_answers = Table(
    "callback_answers",
    metadata,
    Column("attempt_id", BigInteger, ForeignKey("callback_attempts.id"), primary_key=True),
    Column("question", Text, primary_key=True),
    Column("value", Text, nullable=False),
    # key or speech
    Column("by", Text, nullable=False),
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column("number", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)

outbound_pace = Table(
    "outbound_pace",
    metadata,
    Column("trunk", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_at", DateTime(timezone=True), nullable=False),
    # Set while calls that come in want the lines, or calls fail one after the other; for people to see.
    Column("held_back", Text, nullable=False, server_default=""),
)
