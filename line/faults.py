"""What a command about the line is refused with. The text is one Chinese line, to be shown as it is."""

from __future__ import annotations


class LineFault(ValueError):
    """Nothing was changed. ``code`` is for programs: ``unknown`` (no such row), ``already`` (it is on, or on the list),
    ``full``, ``taken``, ``ended``, ``no_ticket``, ``until``, ``number``, ``topic``, ``text``, ``sound``,
    ``no_voice``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
