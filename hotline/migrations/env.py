"""Alembic runs this for every migration command; :mod:`hotline.db` hands the connection over."""

from __future__ import annotations

from alembic import context

from hotline.migrate import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
