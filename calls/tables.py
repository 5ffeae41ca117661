"""The room's tables. Times are ``timestamptz``, written in UTC. Every change is a migration beside this.

nodes        who shares this database: each says every second that it is there
log_cursors  how far each stream has been read (:class:`calls.tail.Cursor`), and what of it could not be used
call_events  every line about a call as Asterisk wrote it, append-only: records and timelines are folded from it;
             only what was heard at the menu is taken out when a call's words are deleted
calls        one row per call, a projection of call_events (:class:`calls.record.Call`)
recordings   one row per recording that Asterisk was told to begin, or that was found without a call, and per call
             that was not recorded (state none); it stays when the sound is erased
recording_holds  what must not be removed (:mod:`calls.keeping`), and who lifted that
transcripts  one row per recording to be written down, whatever came of it (:mod:`calls.transcripts`)
transcript_segments  what was said in it; of a confidential ticket's call nothing: it is in ``transcripts.sealed``
live_words   what is being said in calls that go on, until the transcript takes its place (:mod:`calls.live_words`)
alerts       what somebody must look at; open until acknowledged or closed
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy import DateTime as _DateTime
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Time = _DateTime(timezone=True)


def _text(name: str) -> Column[str]:
    """Never NULL: an empty text is one that is not known (yet)."""
    return Column(name, Text, nullable=False, server_default="")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


nodes = Table(
    "nodes",
    metadata,
    Column("name", Text, primary_key=True),
    _text("address"),  # host:port of its SIP, asked before it is believed to be gone
    Column("beat_at", Time, nullable=False),  # by the database's clock
    Column("lost_at", Time),  # its callers are another's since then
)

log_cursors = Table(
    "log_cursors",
    metadata,
    Column("node", Text, primary_key=True, server_default=""),
    Column("stream", Text, primary_key=True),
    Column("device", Numeric(20, 0), nullable=False),
    Column("inode", Numeric(20, 0), nullable=False),  # 64 bits without sign
    Column("offset_bytes", BigInteger, nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("malformed", BigInteger, nullable=False, server_default="0"),
    Column("gaps", BigInteger, nullable=False, server_default="0"),
    # How often another node has ended this one's calls: whoever read on without knowing begins again.
    Column("taken", BigInteger, nullable=False, server_default="0"),
    Column("updated_at", Time, nullable=False, server_default=text("now()")),
)

call_events = Table(
    "call_events",
    metadata,
    # One index serves both: the events of a call, and no line twice.
    Column("call_id", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Text, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    _text("dialled"),
    _text("via"),
    _text("number"),  # as it came
    _text("presentation"),
    _text("caller"),  # as people read it
    Column("caller_e164", Text),
    _text("caller_kind"),
    Column("arrived_at", Time, nullable=False),
    Column("answered_at", Time),
    Column("human_at", Time),
    Column("ended_at", Time),
    Column("time_to_human", Float),  # seconds
    _text("category"),
    _text("decision"),
    _text("decided_by"),
    _text("keys"),
    _text("queue"),
    _text("agent"),
    _text("emergency"),
    _flag("emergency_failed"),
    _flag("abandoned"),
    _flag("missed"),
    Column("announced", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),  # ids, in their order
    _flag("informed"),
    _text("hangup_by"),
    _text("notice"),
    Column("fallback", Integer, nullable=False, server_default="0"),
    _text("message_file"),
    _text("node"),  # whose telephone exchange it was on
    # The only columns here that are no projection: somebody has heard the message that the caller left.
    Column("message_heard_at", Time),
    _text("message_heard_by"),
    Index("calls_arrived", "arrived_at"),
    Index("calls_open", "arrived_at", postgresql_where=text("ended_at IS NULL")),
    Index("calls_missed", "arrived_at", postgresql_where=text("missed")),
    Index("calls_announced", "arrived_at", postgresql_where=text("announced <> '{}'")),
    Index("calls_caller", "caller_e164", "arrived_at", postgresql_where=text("caller_e164 IS NOT NULL")),
    Index("calls_agent", "agent", "arrived_at", "id", postgresql_where=text("agent <> ''")),
    Index("calls_queue", "queue", "arrived_at", "id", postgresql_where=text("queue <> ''")),
    Index("calls_emergency", "arrived_at", "id", postgresql_where=text("emergency <> ''")),
    Index("calls_message", "arrived_at", "id", postgresql_where=text("message_file <> ''")),
    Index(
        "calls_unheard",
        "arrived_at",
        "id",
        postgresql_where=text("message_file <> '' AND message_heard_at IS NULL"),
    ),
)

recordings = Table(
    "recordings",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("file", Text, nullable=False),  # the raw file, below the recordings folder
    Column("state", Text, nullable=False, server_default="pending"),  # pending, done, missing, failed, none, erased
    _text("reason"),
    Column("offset_ms", Integer),  # beginning of the sound after the call's arrival
    _text("path"),  # the WAV file, below the recordings folder
    _text("sha256"),  # of the WAV file as it is played
    Column("bytes", BigInteger),  # as it is played
    Column("seconds", Float),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", Time, nullable=False, server_default=text("now()")),
    _text("key_id"),  # with which the files are sealed; empty: they lie open
    # What was recorded beside it: [{kind, path, sha256, bytes, key_id}] (calls.recording_files.Kept).
    Column("clips", JSONB, nullable=False, server_default=text("'[]'")),
    _text("keep_class"),  # as it was when last looked at
    _text("keep_rules"),  # by which rules
    Column("keep_look_at", Time, nullable=False, server_default=text("now()")),  # not over its time before
    Column("erased_at", Time),
    _text("erased_by"),
    _flag("unremoved"),  # erased, and the files are not gone yet
    _text("node"),  # where the files are
    Index("recordings_pending", "next_try_at", postgresql_where=text("state = 'pending'")),
    Index(
        "recordings_to_look_at",
        "keep_rules",
        "keep_look_at",
        postgresql_where=text("state NOT IN ('pending', 'erased')"),
    ),
    Index("recordings_sealed", "key_id", "call_id", postgresql_where=text("key_id <> ''")),
    Index("recordings_unremoved", "call_id", postgresql_where=text("unremoved")),
)

recording_holds = Table(
    "recording_holds",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("call_id", Text),  # one of both: a call, or all calls of a ticket
    Column("ticket", Text),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("lifted_at", Time),
    _text("lifted_by"),
    _text("lift_reason"),
    Index("recording_holds_call", "call_id", postgresql_where=text("call_id IS NOT NULL")),
    Index("recording_holds_ticket", "ticket", postgresql_where=text("ticket IS NOT NULL")),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("sha256", Text, nullable=False),  # of the recording that is, or was, written down
    Column("state", Text, nullable=False, server_default="pending"),  # pending, done, failed, none
    _text("reason"),
    _text("engine"),
    _text("model"),
    Column("seconds", Float),  # of the recording
    _flag("cut"),  # its end was too far away and is left out
    Column("message_ms", Integer),  # where in the recording a message left by the caller begins
    Column("made_at", Time),
    Column("sealed_for", Text),  # the confidential ticket; then the segments are in `sealed`
    Column("sealed", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("expected_at", Time, nullable=False, server_default=text("now()")),
    Column("next_try_at", Time, nullable=False, server_default=text("now()")),
    Index("transcripts_pending", "expected_at", postgresql_where=text("state = 'pending'")),
)

transcript_segments = Table(
    "transcript_segments",
    metadata,
    Column("call_id", Text, ForeignKey("transcripts.call_id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),  # caller, other
    Column("start_ms", Integer, nullable=False),  # after the recording's beginning
    Column("end_ms", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

live_words = Table(
    "live_words",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("channel", Text, nullable=False),  # caller, other
    Column("start_ms", Integer, nullable=False),  # after the recording's beginning
    Column("end_ms", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),  # what it is about: raised once for each until closed
    _text("call_id"),
    Column("text", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    Column("raised_at", Time, nullable=False, server_default=text("now()")),
    Column("acknowledged_at", Time),
    Column("closed_at", Time),
    Index("alerts_once", "kind", "key", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("alerts_open", "id", postgresql_where=text("closed_at IS NULL AND acknowledged_at IS NULL")),
    Index("alerts_call", "call_id", postgresql_where=text("call_id <> ''")),
)
