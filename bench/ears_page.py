"""What ``bench.ears`` found, as a table and as a page."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NAMES = {
    "usual": "usual design: a free recogniser a connection, every 20 ms",
    "usual, grammars": "usual design, with a grammar in closed steps",
    "ours, all free": "this project, decoding freely in every step",
    "ours": "this project, as calls use it: free question, grammar in closed steps",
}
PAIRS = (("ours", "usual"), ("ours, all free", "usual"), ("ours", "usual, grammars"))


@dataclass(frozen=True)
class Found:
    """One step: ``behind_s`` is the 95th percentile; cores are processors busy on average."""

    side: str
    calls: int
    behind_s: float
    cores: float
    loop_cores: float
    decoding_cores: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def median(found: Sequence[Found], side: str) -> float:
    return float(statistics.median([one.calls for one in found if one.side == side] or [0]))


def table(found: Sequence[Found]) -> list[str]:
    lines = [
        "| design | calls at once, each run | median | behind p95 | cores: all | decoding | event loop |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for side, name in NAMES.items():
        runs = sorted((one for one in found if one.side == side), key=lambda one: one.calls)
        if runs:
            middle = runs[(len(runs) - 1) // 2]
            each = ", ".join(str(one.calls) for one in found if one.side == side)
            lines.append(
                f"| {name} | {each} | **{median(found, side):g}** | {middle.behind_s * 1000:.0f} ms"
                f" | {middle.cores:.2f} | {middle.decoding_cores:.2f} | {middle.loop_cores:.2f} |"
            )
    lines.append("")
    for mine, other in PAIRS:
        if median(found, other):
            lines.append(f"- {median(found, mine) / median(found, other):.2f} × “{other}” by “{mine}”")
    return lines


def page(found: Sequence[Found], seconds: float, runs: int, model: str, machine: Mapping[str, str]) -> str:
    return _PAGE.format(
        command=f"python -m bench.ears --seconds {seconds:g} --runs {runs} --write",
        seconds=seconds,
        model=model,
        table="\n".join(table(found)),
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items() if name != "Asterisk"),
    )


_PAGE = """\
# Recognition: calls at once 同时识别

Written by `{command}`: how many calls a machine recognises at once while 95 % of the looks at a listening call, every
20 ms, find it no more than 500 ms behind. The engine is Vosk with the model `{model}` on both sides: the sound is
Mandarin (`tests/speech/wav`), so its words mean nothing here, its work does.

{table}

A call: 2 to 5 s of greeting with a quiet line, an open question of 2 to 6 s, 1.6 s of confirmation, for half of the
calls a number of the same length; call after call. A step lasts {seconds:g} s after 3 s to warm up; the number is
doubled until a step fails and then halved in between. All steps run on one loaded model, after 30 s to warm it up, as
on a server that runs for days. The usual design makes a recogniser for each call and takes its frames one by one off a
queue, on a pool of as many threads as cores; this project opens an ear a turn (`speech/pool.py`).

What makes the difference: the silence in a call is not decoded (`speech/gate.py`), 200 ms are decoded at a time instead
of 20, closed steps use a grammar, and a recogniser that has served knows the words that it met
(`speech/vosk_shelf.py`).
What limits the usual design is decoding, which takes nearly all of its processor time. What limits this project is the
shelf: twelve used recognisers are kept, and a new one holds its callers up for half a second at the first sound.

## Machine

{machine}
"""
