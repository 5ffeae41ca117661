"""Text as toneless syllables, and how alike two syllables sound (``sounds.yaml``)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pypinyin import Style, lazy_pinyin

from datafile import DataFile, Rule

FOLDER = Path(__file__).parent
OTHER = 0
"""A Latin word that is not listed: like nothing but itself."""
MAX_SYLLABLES = 160
"""A minute of quick speech is more than this; what follows says nothing new about what is wanted."""
Floats = npt.NDArray[np.float32]

_INITIALS = "zh ch sh b p m f d t n l g k h j q x r z c s".split()
_GLIDES = {
    "yi": "i", "ya": "ia", "ye": "ie", "yao": "iao", "you": "iu", "yan": "ian", "yin": "in", "yang": "iang",
    "ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "yo": "o",
    "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "ui", "wan": "uan", "wen": "un", "wang": "uang",
    "weng": "ong",
}  # fmt: skip
_DIGITS = dict(zip("0123456789", "ling yi er san si wu liu qi ba jiu".split(), strict=True))
_HUMS = {"n": "en", "m": "en", "ng": "en", "hm": "en", "hng": "en", "ê": "ei"}
_GAP = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_WORD = re.compile(r"[a-zA-Z]+|\d|[^\W\da-zA-Z_]+")


class _Sounds(Rule):
    syllables: str
    initials: dict[float, str]
    finals: dict[float, str]
    weight_of_initial: float
    latin: dict[str, str]
    soft_initials: str
    soft_finals: str
    coarse_initials: str
    coarse_finals: str


def split(syllable: str) -> tuple[str, str]:
    """Initial (``0``: none), final: ``zhuang`` → ``zh``, ``uang``; ``yu`` → ``0``, ``v``; ``shi`` → ``sh``, ``ih``."""
    if syllable in _GLIDES:
        return "0", _GLIDES[syllable]
    initial = next((one for one in _INITIALS if syllable.startswith(one)), "")
    final = syllable[len(initial) :]
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:] if final != "u" else "v"
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        final = "ih"
    return initial or "0", {"iou": "iu", "ue": "ve"}.get(final, final)


class Sounds:
    """The table of syllables. ``names[i]`` is syllable ``i``; ``alike[i, j]`` is 1 for the same sound, 0 for none."""

    def __init__(self, path: Path = FOLDER / "sounds.yaml") -> None:
        file = DataFile(path)
        rules = file.parse(_Sounds)
        self.names = ["<other>", *rules.syllables.split()]
        self.number = {name: index for index, name in enumerate(self.names)}
        if len(self.number) != len(self.names):
            raise file.error("a syllable stands here twice", "syllables")
        parts = [split(name) for name in self.names[1:]]
        firsts, lasts = sorted({p[0] for p in parts}), sorted({p[1] for p in parts})
        initial = self._costs(file, "initials", rules.initials, firsts)
        final = self._costs(file, "finals", rules.finals, lasts)
        self.parts = [("", ""), *parts]
        i = np.array([firsts.index(p[0]) for p in parts])
        f = np.array([lasts.index(p[1]) for p in parts])
        cost_i, cost_f = initial[np.ix_(i, i)], final[np.ix_(f, f)]
        share = rules.weight_of_initial
        cost = share * cost_i + (1 - share) * cost_f
        # A wrong initial and a wrong final together leave nothing of the syllable.
        cost = np.minimum(1.0, cost + 0.5 * cost_i * cost_f)
        self.alike: Floats = np.zeros((len(self.names), len(self.names)), np.float32)
        self.alike[1:, 1:] = 1.0 - cost
        self.alike[OTHER, OTHER] = 1.0
        self.soft = self._merged(parts, rules.soft_initials, rules.soft_finals)
        self.coarse = self._merged(parts, rules.coarse_initials, rules.coarse_finals)
        """For each syllable the number of its class."""
        self.latin = {}
        for word, spoken in rules.latin.items():
            if unknown := [s for s in spoken.split() if s not in self.number]:
                raise file.error(f"{unknown[0]} is no syllable", "latin", word)
            self.latin[word] = [self.number[s] for s in spoken.split()]

    @staticmethod
    def _costs(file: DataFile, key: str, rows: dict[float, str], names: list[str]) -> Floats:
        table = np.ones((len(names), len(names)), np.float32)
        np.fill_diagonal(table, 0.0)
        for cost, pairs in rows.items():
            for pair in pairs.split():
                one, _, other = pair.partition("-")
                if one in ("0", *names) and other in ("0", *names):
                    a, b = names.index(one), names.index(other)
                    table[a, b] = table[b, a] = min(table[a, b], cost)
                else:
                    raise file.error(f"{pair}: no such sound", key, str(cost))
        return table

    @staticmethod
    def _merged(parts: list[tuple[str, str]], initials: str, finals: str) -> npt.NDArray[np.uint64]:
        first = {one: group for group in initials.split() for one in group.split("-")}
        last = {one: group for group in finals.split() for one in group.split("-")}
        kinds = [(first.get(i, i), last.get(f, f)) for i, f in parts]
        number = {kind: index for index, kind in enumerate(sorted(set(kinds)), 1)}
        return np.array([OTHER, *(number[kind] for kind in kinds)], np.uint64)

    def listen(self, text: str, limit: int = MAX_SYLLABLES) -> list[int]:
        """The syllables of ``text``: Chinese characters, digits, Latin words. Everything else is silent."""
        found: list[int] = []
        for word in _WORD.findall(_GAP.sub("", unicodedata.normalize("NFKC", text[: limit * 4]))):
            if word[0] in _DIGITS:
                found.append(self.number[_DIGITS[word[0]]])
            elif word.isascii():
                found += self.latin.get(word.lower(), [OTHER])
            else:
                spoken = lazy_pinyin(word, style=Style.NORMAL, errors="ignore")
                found += [self.number[s] for s in map(_plain, spoken) if s in self.number]
            if len(found) >= limit:
                break
        return found[:limit]


def _plain(syllable: str) -> str:
    return _HUMS.get(syllable) or syllable.replace("ü", "v")


@lru_cache(maxsize=1)
def sounds() -> Sounds:
    return Sounds()
