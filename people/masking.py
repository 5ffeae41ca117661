"""Personal data as it is shown to those who do not need it whole. Pure."""

from __future__ import annotations


def mask_phone(number: str) -> str:
    """``139****1111``, ``0411-****5678``."""
    raise NotImplementedError


def mask_name(name: str) -> str:
    """``张**``."""
    raise NotImplementedError


def mask_id_card(number: str) -> str:
    """``210***********1234``."""
    raise NotImplementedError


def mask_address(address: str) -> str:
    """As far as the road or the village; house, building and room are hidden."""
    raise NotImplementedError


def mask_text(text: str) -> str:
    """Free text: telephone numbers, identity cards, bank cards and addresses in it, as far as they are recognisable."""
    raise NotImplementedError
