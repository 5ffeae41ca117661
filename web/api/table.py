"""All endpoints."""

from __future__ import annotations

from web.api import (
    advice,
    attachments,
    audit_log,
    callback_tasks,
    callbacks,
    campaigns,
    commands,
    document,
    events,
    missed,
    outgoing,
    parts,
    policies,
    recording_keeping,
    recordings,
    session,
    tickets,
    tokens,
    transcripts,
    units,
    users,
)
from web.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *session.routes,
    *tickets.routes,
    *advice.routes,
    *commands.routes,
    *parts.routes,
    *callback_tasks.routes,
    *outgoing.routes,
    *missed.routes,
    *campaigns.routes,
    *callbacks.routes,
    *attachments.routes,
    *transcripts.routes,
    *recordings.routes,
    *recording_keeping.routes,
    *events.routes,
    *policies.routes,
    *units.routes,
    *users.routes,
    *tokens.routes,
    *audit_log.routes,
    *document.routes,
)
