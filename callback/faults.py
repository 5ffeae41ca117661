"""What a command about callbacks is refused with. The text is one Chinese line, to be shown as it is."""

from __future__ import annotations


class CallbackFault(ValueError):
    """Nothing was changed. ``code`` is for programs: ``no_campaign``, ``campaign_name``, ``campaign_state``,
    ``campaign_over``, ``campaign_dates``, ``campaign_numbers``, ``campaign_channel``, ``number``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
