"""The regulations' own texts (``docs/regulations/*.txt``), by article and item."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

ORIGINALS = Path(__file__).resolve().parents[1] / "docs" / "regulations"
_NUMBER = "[一二三四五六七八九十百]+"
_ARTICLE = re.compile(rf"^(第{_NUMBER})[条條]\s+", re.MULTILINE)
_CHAPTER = re.compile(rf"^第{_NUMBER}章.*$", re.MULTILINE)
_ITEM = re.compile(rf"^[(（]({_NUMBER})[)）]", re.MULTILINE)


def articles(text: str) -> list[tuple[str, str]]:
    """Each article's number (``第八条``, simplified also where the text is not) and body. A number may stand twice."""
    parts = _ARTICLE.split(_CHAPTER.sub("", text))
    return [(f"{number}条", body.strip()) for number, body in zip(parts[1::2], parts[2::2], strict=True)]


def items(body: str) -> dict[str, str]:
    """An article's items (``（八）`` and their text). What follows the last item counts with it."""
    parts = _ITEM.split(body)
    return {f"（{number}）": text.strip() for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def contains(body: str, quote: str) -> bool:
    """Whether ``quote`` stands in ``body`` word for word. White space and the width of punctuation do not count."""
    return _bare(quote) in _bare(body)


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
