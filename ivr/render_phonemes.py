"""Mandarin text to the phoneme tokens of the Kokoro-82M voice model (v1.0).

The model was trained on words cut by jieba, read by pypinyin, written in IPA with one arrow per tone; this is the
same chain from its published parts. Runs in the voice environment (``requirements/voice.lock``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

import jieba
from pinyin_to_ipa import pinyin_to_ipa
from pypinyin import Style, lazy_pinyin

MAX_TOKENS = 510
"""Longest utterance of the model, from its configuration."""

# Order matters: the third tone contains the second and the fourth as substrings of its letters.
_TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"), ("˧", ""))
# The model's alphabet has one letter per affricate and one for the syllabic i of zhi and zi.
_LETTERS = (("tsʰ", "ʦʰ"), ("ts", "ʦ"), ("tɕ", "ʨ"), ("ʈʂ", "ꭧ"), ("ɻ̩", "ɨ"), ("ɹ̩", "ɨ"), ("̯", ""))
_MARKS = str.maketrans({"，": ", ", "、": ", ", "。": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; "})

_DIGITS = frozenset("零幺一二三四五六七八九")

# Token numbers of the letters that Mandarin needs, from the model's configuration.
_VOCABULARY = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, " ": 16, "ʦ": 20, "ʨ": 21, "ꭧ": 23, "a": 43,
    "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "s": 61,
    "t": 62, "u": 63, "w": 65, "x": 66, "y": 67, "ɑ": 69, "ɔ": 76, "ɕ": 77, "ə": 83, "ɚ": 85, "ɛ": 86, "ɥ": 99,
    "ɨ": 101, "ŋ": 112, "œ": 120, "ɻ": 126, "ʂ": 130, "ʊ": 135, "ɤ": 140, "ʰ": 162, "↓": 169, "→": 171, "↗": 172,
    "↘": 173,
}  # fmt: skip


class Unpronounceable(ValueError):
    """A text holds something that the voice has no sound for; the message names it."""


def tokens(text: str, pronunciation: Mapping[str, str]) -> list[int]:
    """Token numbers of ``text`` (digits already spelt out).

    ``pronunciation`` maps a word to its syllables, numbered by tone ("chong2 ting1"), ahead of the dictionary.
    Raises :class:`Unpronounceable` for letters outside Mandarin or a text of more than 510 tokens.
    """
    phonemes = phonemise(text, pronunciation)
    unknown = {letter for letter in phonemes if letter not in _VOCABULARY}
    if unknown:
        raise Unpronounceable(f"{text!r}: no sound for {' '.join(sorted(unknown))}")
    if len(phonemes) > MAX_TOKENS:
        raise Unpronounceable(f"{text!r}: too long ({len(phonemes)} sounds, at most {MAX_TOKENS}); split the prompt")
    return [_VOCABULARY[letter] for letter in phonemes]


def phonemise(text: str, pronunciation: Mapping[str, str]) -> str:
    jieba.setLogLevel(logging.WARNING)
    for word in pronunciation:
        jieba.add_word(word, freq=10_000_000)
    parts: list[str] = []
    for run in re.findall(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+", text):
        if "\u4e00" <= run[0] <= "\u9fff":
            words = (_syllables(word, pronunciation) for word in _words(run))
            parts.append(" ".join("".join(_ipa(syllable) for syllable in word) for word in words))
        else:
            parts.append(run.translate(_MARKS))
    return "".join(parts).strip()


def _words(run: str) -> list[str]:
    """Words as the model learnt them; the digits of a telephone number stand alone, or 二二 would run together."""
    words: list[str] = []
    for word in jieba.lcut(run):
        words.extend(word if set(word) <= _DIGITS else [word])
    return words


def _syllables(word: str, pronunciation: Mapping[str, str]) -> list[str]:
    if word in pronunciation:
        return pronunciation[word].split()
    return [str(syllable) for syllable in lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)]


def _ipa(syllable: str) -> str:
    try:
        sounds = "".join(pinyin_to_ipa(syllable)[0])
    except ValueError as error:
        raise Unpronounceable(f"no such syllable: {syllable}") from error
    for old, new in _LETTERS + _TONES:
        sounds = sounds.replace(old, new)
    return sounds
