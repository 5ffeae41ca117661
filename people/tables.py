"""The room's tables. Times are ``timestamptz``, written in UTC.

units          承办单位
users          who can sign in; a user is disabled, never deleted: events name them
sessions       who is signed in, by the SHA-256 of the token
sign_in_tries  failed sign-ins, by account and by address; kept only as long as they count
api_tokens     other platforms' tokens, by their SHA-256
recovery_codes of the second factor, by their SHA-256; gone once used
demo_items     what belongs to a demonstration 演示, and goes with it
seats          who sits at which telephone 席位: one person a telephone, one telephone a person
audit_entries  who did and who looked at what, append-only: a trigger refuses everything else
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy import DateTime as _DateTime
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()
Time = _DateTime(timezone=True)

units = Table(
    "units",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),  # department, county, enterprise
    Column("parent", Text, ForeignKey("units.id")),
    Column("contact", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # lower case
    Column("display_name", Text, nullable=False, server_default=""),
    Column("roles", ARRAY(Text), nullable=False),
    Column("unit", Text, ForeignKey("units.id")),
    Column("password_hash", Text, nullable=False),
    Column("must_change", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_at", Time),
    Column("created_at", Time, nullable=False),
    Column("signed_in_at", Time),
    Column("totp_sealed", Text),  # the second factor's secret; there is none before totp_since
    Column("totp_step", BigInteger),  # whose code was used last
    Column("totp_since", Time),
    Index("users_unit", "unit"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("began_at", Time, nullable=False),
    Column("seen_at", Time, nullable=False),
    Index("sessions_user", "user_id"),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", LargeBinary, nullable=False),  # a digest: people type passwords where the name belongs
    Column("at", Time, nullable=False),
    Index("sign_in_tries_subject", "subject", "at"),
    Index("sign_in_tries_at", "at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("permissions", ARRAY(Text), nullable=False),
    Column("unit", Text, ForeignKey("units.id")),
    Column("created_by", BigInteger, ForeignKey("users.id")),  # NULL: made at the command line
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("used_at", Time),
    Column("revoked_at", Time),
)

seats = Table(
    "seats",
    metadata,
    Column("extension", Text, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False, unique=True),
    Column("taken_at", Time, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id"), primary_key=True),
    Column("code_sha256", LargeBinary, primary_key=True),
)

demo_items = Table(
    "demo_items",
    metadata,
    Column("kind", Text, primary_key=True),  # city, unit, user, ticket, number (that robots call from)
    Column("key", Text, primary_key=True),
    Column("at", Time, nullable=False, server_default=text("now()")),
    Column("policy", Text),  # of a city: the regulation of its new tickets
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),  # user:lihua, token:12, system, or what somebody signed in as
    Column("action", Text, nullable=False),  # user.add, ticket.reveal
    Column("object", Text, nullable=False, server_default=""),  # ticket:20261121-000123
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("address", Text, nullable=False, server_default=""),
    Column("request_id", Text, nullable=False, server_default=""),
    Index("audit_entries_at", "at"),
    Index("audit_entries_actor", "actor", "id"),
    Index("audit_entries_object", "object", "id"),
    Index("audit_entries_action", "action", "id"),
)
