"""What ``bench.spoken`` found, as a table and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.spoken import Found, Step


def table(found: Sequence[Found]) -> list[str]:
    lines = [
        "| engine | at once | calls | failed | decision p50 | p95 | barge-in p95 | left to keys | voice cores |",
        "|---|---:|---:|---:|---:|---:|---:|---|---:|",
    ]
    for one in found:
        lines += [_row(step) for step in one.steps]
        if one.triple:
            lines.append(_row(one.triple, f" (at most {one.best.calls_at_once if one.best else 0} listened to)"))
    lines.append("")
    for one in found:
        most = one.best.calls_at_once if one.best else 0
        lines.append(f"- {one.engine}: {most} callers at once with a decision within 1.5 s of the end of speech (p95)")
        if one.triple:
            first, top, last = one.memory_mb
            lines.append(
                f"  - three times as many: {one.triple.failed} of {one.triple.begun} calls did not reach a queue;"
                f" memory of the voice server {first:.0f} MB before, {top:.0f} MB at most, {last:.0f} MB after"
            )
    return lines


def _row(step: Step, note: str = "") -> str:
    lost = ", ".join(f"{why} {count}" for why, count in sorted(step.lost.items())) or "–"
    return (
        f"| {step.engine} | {step.calls_at_once}{note} | {step.begun} | {step.failed} | {step.decide_p50:.0f} ms"
        f" | {step.decide_p95:.0f} ms | {step.barge_p95:.0f} ms | {lost} | {step.cores.get('voice', 0):.2f} |"
    )


def page(found: Found, rounds: int, machine: Mapping[str, str]) -> str:
    return _PAGE.format(
        engine=found.engine,
        rounds=rounds,
        table="\n".join(table([found])),
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items()),
    )


_PAGE = """\
# Spoken calls at once 同时说话的来电: {engine}

Written by `python -m bench.spoken --engine {engine} --rounds {rounds} --write`.
Real calls on a hotline of its own: SIPp's callers begin
to speak 2.5 s after the answer, into the greeting; recordings of `tests/speech`, no emergencies. Decision: from the
last sound of the voice until the words are known, of which 650 ms are the silence that ends a sentence. The number is
doubled until the decision is later than 1.5 s for one in twenty, or a caller is lost to the keys, and then halved in
between; before, some callers come uncounted, as on a server that runs.
A call has failed when it does not reach a queue within 40 s.

{table}

Vosk runs with the Korean model where the Chinese one cannot be had (it is not in a package index): what it hears means
nothing, so those callers are asked again and then go to an agent; the time it takes is what is measured.

## Machine

{machine}
"""
