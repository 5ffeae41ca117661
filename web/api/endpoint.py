"""One table of endpoints: what a handler's annotations say is what is checked, and what the OpenAPI document says.

A handler names what it needs as parameters: ``path``, ``query``, ``headers`` (pydantic models) and ``body`` (anything
pydantic validates); it returns ``Reply[Model]``, or ``Raw`` for what is not JSON.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter

from people.roles import Permission
from web.api.call import Raw, Reply

BASE = "/api/v1"
PARTS = ("path", "query", "headers", "body")

SIGNED_IN: frozenset[Permission] = frozenset()
"""Whoever is signed in; what they may see or do is decided by the handler, or it is their own."""
PUBLIC = None
"""Nobody has to be signed in."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``needs``: any one of these permissions. ``upload``: the body is multipart and the handler reads it itself.
    ``media``: of a :class:`Raw` answer. ``problems``: statuses beyond those that every endpoint of its kind has.
    ``lists``: query parameters that may be given more than once. ``events``: the data of each event of a stream."""

    method: str
    path: str
    summary: str
    handler: Callable[..., Awaitable[Any]]
    needs: frozenset[Permission] | None
    status: int
    problems: frozenset[int]
    parts: dict[str, TypeAdapter[Any]]
    answer: TypeAdapter[Any] | None
    media: str
    upload: bool
    tag: str
    seconds: float | None
    lists: frozenset[str]
    events: TypeAdapter[Any] | None = None

    @property
    def name(self) -> str:
        """OpenAPI's operationId."""
        return f"{self.tag}.{self.handler.__name__}"

    @property
    def statuses(self) -> list[int]:
        """Of problems, all that this endpoint may answer with."""
        found = {404, 422, 503} if "path" in self.parts else {422, 503}
        if self.needs is not PUBLIC:
            found |= {401, 403}
        if "body" in self.parts or self.upload:
            found |= {400, 408, 413, 415}
        return sorted(found | self.problems)


class Routes:
    """A resource's endpoints, in the order in which they are written."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._endpoints: list[Endpoint] = []

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints)

    def add(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        needs: Collection[Permission] | None,
        status: int = 200,
        problems: Collection[int] = (),
        media: str = "application/json",
        upload: bool = False,
        seconds: float | None = 30.0,
        events: Any = None,
    ) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
        """``seconds`` None: takes as long as the client listens. ``events``: anything pydantic describes."""

        def register(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            parts, answer = _read(handler)
            self._endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    summary=summary,
                    handler=handler,
                    needs=None if needs is None else frozenset(needs),
                    status=status,
                    problems=frozenset(problems),
                    parts=parts,
                    answer=answer,
                    media=media,
                    upload=upload,
                    tag=self._tag,
                    seconds=seconds,
                    lists=_lists(handler),
                    events=None if events is None else TypeAdapter(events),
                )
            )
            return handler

        return register


def _lists(handler: Callable[..., Awaitable[Any]]) -> frozenset[str]:
    query = get_type_hints(handler).get("query")
    if query is None:
        return frozenset()
    return frozenset(name for name, field in query.model_fields.items() if get_origin(field.annotation) is list)


def _read(handler: Callable[..., Awaitable[Any]]) -> tuple[dict[str, TypeAdapter[Any]], TypeAdapter[Any] | None]:
    hints = get_type_hints(handler, include_extras=True)
    parts: dict[str, TypeAdapter[Any]] = {}
    for name in list(inspect.signature(handler).parameters)[1:]:
        if name not in PARTS:
            raise TypeError(f"{handler.__qualname__}: a handler has no part {name}")
        if name != "body" and not issubclass(hints[name], BaseModel):
            raise TypeError(f"{handler.__qualname__}: {name} must be a model")
        parts[name] = TypeAdapter(hints[name])
    answer = hints["return"]
    if answer is Raw:
        return parts, None
    if get_origin(answer) is not Reply:
        raise TypeError(f"{handler.__qualname__} must return Reply[...] or Raw")
    return parts, TypeAdapter(get_args(answer)[0])
