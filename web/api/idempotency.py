"""The same request sent twice is done once (draft-ietf-httpapi-idempotency-key-header).

The key is written in the transaction of the work itself: either both are there or neither, and a second request with
the key waits at the unique index until the first has ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from web.api.call import Call, Reply
from web.api.problem import Problem

Out = TypeVar("Out", bound=BaseModel)
HOURS = 24
_TAKE = text(
    "INSERT INTO idempotency_keys AS k (principal, key, request, at) VALUES (:principal, :key, :request, now())"
    " ON CONFLICT (principal, key) DO UPDATE SET request = excluded.request, at = excluded.at,"
    " headers = NULL, body = NULL WHERE k.at < now() - make_interval(hours => :hours) RETURNING key"
)
_FIND = text("SELECT request, headers, body FROM idempotency_keys WHERE principal = :principal AND key = :key")
_ANSWERED = text(
    "UPDATE idempotency_keys SET headers = CAST(:headers AS jsonb), body = CAST(:body AS jsonb)"
    " WHERE principal = :principal AND key = :key"
)
# A few each time are enough, and rows that another request holds are left to it.
_FORGET = text(
    "DELETE FROM idempotency_keys WHERE (principal, key) IN (SELECT principal, key FROM idempotency_keys"
    " WHERE at < now() - make_interval(hours => :hours) ORDER BY at LIMIT 20 FOR UPDATE SKIP LOCKED)"
)


async def once(
    call: Call,
    connection: AsyncConnection,
    key: str,
    body: BaseModel,
    model: type[Out],
    work: Callable[[], Awaitable[Reply[Out]]],
) -> Reply[Out]:
    """Do ``work`` in ``connection``'s transaction, or give the answer that it gave before. Raises Problem 422."""
    where = {"principal": call.principal.actor, "key": key}
    request = hashlib.sha256(f"{call.request.path}\n{body.model_dump_json()}".encode()).digest()
    await connection.execute(_FORGET, {"hours": HOURS})
    if (await connection.execute(_TAKE, {**where, "request": request, "hours": HOURS})).first() is not None:
        reply = await work()
        answer = {"headers": json.dumps(dict(reply.headers)), "body": reply.body.model_dump_json()}
        await connection.execute(_ANSWERED, {**where, **answer})
        return reply
    found = (await connection.execute(_FIND, where)).one()
    if bytes(found.request) != request:
        raise Problem(422, "key_reused", "这个 Idempotency-Key 已用于另一个内容不同的请求。")
    return Reply(model.model_validate(found.body), {**found.headers, "Idempotency-Replayed": "true"})
