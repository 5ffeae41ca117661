"""The room's table.

notices  the outbox: which answer is owed to whom. No words in it: they are read from the ticket when it is sent, so
         what is sealed there lies nowhere else
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid, text

metadata = MetaData()

notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),  # waiting, sent, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("sent_at", DateTime(timezone=True)),
    Column("fault", Text, nullable=False, server_default=""),
    Index("notices_waiting", "next_try_at", postgresql_where=text("state = 'waiting'")),
    Index("notices_ticket", "ticket", "at"),
)
