"""What an administrator's or a user's input is refused with. The text is one Chinese line, to be shown as it is."""

from __future__ import annotations


class PeopleFault(ValueError):
    """Input that cannot be; nothing was changed. ``code`` is for programs, ``str()`` for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
