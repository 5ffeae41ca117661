"""Whether parts of the version before can go on with a database that has been migrated. The comparison is pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

_COLUMNS = text(
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.atthasdef OR a.attidentity <> '' FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')"
    " AND a.attnum > 0 AND NOT a.attisdropped"
)
_RULES = text(
    "SELECT c.relname, pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND o.contype IN ('c', 'f', 'u', 'x')"
    " UNION ALL SELECT tablename, regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') FROM pg_indexes"
    " WHERE schemaname = current_schema() AND indexdef LIKE 'CREATE UNIQUE INDEX%'"
)
_WORDS = re.compile(r"'((?:[^']|'')*)'(?:::[a-z ]+)?(?:, )?")


@dataclass(frozen=True)
class Column:
    kind: str
    required: bool
    filled: bool
    """It has a default."""


@dataclass(frozen=True)
class Schema:
    columns: Mapping[tuple[str, str], Column]
    rules: Mapping[str, frozenset[str]]
    """By table: checks, foreign keys, what is unique."""


def schema_of(connection: Connection) -> Schema:
    columns = {(row[0], row[1]): Column(*row[2:]) for row in connection.execute(_COLUMNS)}
    rules: dict[str, set[str]] = {}
    for table, rule in connection.execute(_RULES):
        rules.setdefault(table, set()).add(rule)
    return Schema(columns, {table: frozenset(found) for table, found in rules.items()})


def breaks(old: Schema, new: Schema) -> list[str]:
    """What those who know the old one would stumble over; empty: new things only."""
    faults = []
    known = {table for table, _ in old.columns}
    for (table, name), was in sorted(old.columns.items()):
        now = new.columns.get((table, name))
        if now is None:
            faults.append(f"{table}.{name} is gone")
        elif now.kind != was.kind:
            faults.append(f"{table}.{name} is {now.kind}, was {was.kind}")
        elif (now.required and not was.required) or (was.filled and not now.filled and now.required):
            faults.append(f"{table}.{name} has to be filled")
    for (table, name), now in sorted(new.columns.items()):
        if table in known and (table, name) not in old.columns and now.required and not now.filled:
            faults.append(f"{table}.{name} is new and has to be filled")
    for table in sorted(known):
        before = old.rules.get(table, frozenset())
        added = [name for one, name in new.columns if one == table and (one, name) not in old.columns]
        for rule in sorted(new.rules.get(table, frozenset()) - before):
            # Of a column that they do not know, they write nothing but its default.
            about_new = any(re.search(rf"\b{name}\b", rule) for name in added)
            if not about_new and not any(_widened(one, rule) for one in before):
                faults.append(f"{table} has a new rule: {rule[:120]}")
    return faults


def _widened(old: str, new: str) -> bool:
    """The same rule with more words allowed: ``CHECK (state = ANY (ARRAY['a', 'b']))``."""
    if not old.startswith("CHECK") or "<> ALL" in old:
        return False
    return _WORDS.sub("", old) == _WORDS.sub("", new) and set(_WORDS.findall(old)) < set(_WORDS.findall(new))
