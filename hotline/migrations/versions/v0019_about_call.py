"""A ticket that somebody wrote down in a call has that call, as the one that the call made itself has it."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEX = "CREATE INDEX ticket_events_about ON ticket_events ((data->>'about_call')) WHERE data ? 'about_call'"
_OWN = """
CREATE OR REPLACE VIEW call_own_tickets AS
    SELECT call_id, number FROM tickets WHERE call_id IS NOT NULL
    UNION ALL
    SELECT a.call_id, g.ticket FROM callback_attempts a JOIN callback_targets g ON g.id = a.target_id
        WHERE a.call_id IS NOT NULL AND g.ticket IS NOT NULL
    UNION ALL
    SELECT data->>'call_id', number FROM ticket_events WHERE kind = 'called'
    UNION ALL
    SELECT y.call_id, t.number FROM line_place_tries y JOIN line_places p ON p.id = y.place_id
        JOIN tickets t ON t.call_id = p.call_id WHERE y.call_id IS NOT NULL
    UNION ALL
    SELECT data->>'about_call', number FROM ticket_events WHERE data ? 'about_call'
"""


def upgrade() -> None:
    for statement in (_INDEX, _OWN):
        op.get_bind().exec_driver_sql(statement)
