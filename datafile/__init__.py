"""Rules that people edit (flows, queues, agents, policies): YAML read with errors that name file and line.

Every room may import this one; it imports nothing of ours.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

Location = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_DEPTH = 50
"""Lists within lists: libyaml's composer goes down by itself, and would fall off the stack."""
# libyaml reads ten times as fast as Python does; a build of PyYAML without it has Python's own.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DataFileError(Exception):
    """A rule file is wrong. The text reads ``file:line: what``."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}:{line}: {message}")


class Rule(BaseModel):
    """Base of all rule models: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Model = TypeVar("Model", bound=BaseModel)


class DataFile:
    """One parsed file: its plain data and the line of every key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[Location, int] = {}
        try:
            text = path.read_bytes()[: MAX_BYTES + 1].decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataFileError(path, 1, str(error)) from error
        if len(text) > MAX_BYTES:
            raise DataFileError(path, 1, f"larger than {MAX_BYTES} bytes")
        try:
            self._check_depth(text)
            loader = _Loader(text)
            try:
                root = loader.get_single_node()
                if root is None:
                    raise DataFileError(path, 1, "empty file")
                self._note_lines(root, ())
                self.data: Any = loader.construct_document(root)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise DataFileError(path, mark.line + 1 if mark else 1, error.problem or "not YAML") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise DataFileError(path, 1, " ".join(str(error).split())[:200]) from error
        except ValueError as error:
            # A day such as 02-30 fails inside YAML, which does not say where.
            lines = enumerate(text.splitlines(), 1)
            raise DataFileError(
                path, next((n for n, line in lines if _no_such_day(line)), 1), f"没有这一天（{error}）"
            ) from error

    def _check_depth(self, text: str) -> None:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark = event.start_mark
                    raise DataFileError(self.path, mark.line + 1 if mark else 1, f"nested deeper than {MAX_DEPTH}")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _note_lines(self, node: yaml.Node, at: Location) -> None:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inside = (*at, str(key.value))
                if inside in self._lines:
                    raise DataFileError(self.path, key.start_mark.line + 1, f"{key.value} stands here twice")
                self._lines[inside] = key.start_mark.line + 1
                self._note_lines(value, inside)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._note_lines(value, (*at, index))

    def line(self, *at: str | int) -> int:
        """The line of the nearest enclosing key of ``at`` (1-based)."""
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at, 1)

    def error(self, message: str, *at: str | int) -> DataFileError:
        return DataFileError(self.path, self.line(*at), message)

    def parse(self, model: type[Model]) -> Model:
        """Validate the whole file as ``model``. Raises :class:`DataFileError` for the first fault."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors()[0]
            place = tuple(first["loc"])
            name = ".".join(str(part) for part in place)
            raise self.error(f"{name}: {first['msg']}" if name else first["msg"], *place) from error


def _no_such_day(line: str) -> bool:
    for found in re.findall(r"\d{4}-\d{2}-\d{2}", line):
        try:
            date.fromisoformat(found)
        except ValueError:
            return True
    return False
