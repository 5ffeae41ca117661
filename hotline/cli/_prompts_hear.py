"""``hotline prompts hear``: Whisper writes down every recorded prompt; how much of it was understood."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from functools import reduce

import click

from datafile import DataFileError
from hotline.settings import load_settings
from ivr.hearing import Line, Score, lines, score
from ivr.prompts import FOLDER, load_prompts, sound_file
from speech import engines
from speech.port import FRAME_BYTES, EngineError, Recogniser

WANTED = 0.9
"""Share of syllables that must be understood."""
_EDGE_FRAMES = 15
"""Silence around what is heard, as a listener has it before and after a prompt: 0.3 s."""
_WORST = 12


@dataclass(frozen=True)
class _Result:
    line: Line
    heard: str
    score: Score

    @property
    def row(self) -> dict[str, object]:
        return {
            "prompts": self.line.prompts,
            "text": self.line.text,
            "heard": self.heard,
            "share": round(self.score.share, 3),
        }


@click.command("hear")
@click.option("--only", multiple=True, metavar="ID", help="Just what this prompt occurs in (may be repeated).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(only: tuple[str, ...], as_json: bool) -> None:
    """听写全部录音, 与文本按拼音比较. Exit code 1 if less than 90 % of the syllables were understood.

    Parts of sentences (digits, units) are heard in the sentences they are made for.
    """
    try:
        texts = load_prompts().texts
        unknown = sorted(set(only) - texts.ids)
        if unknown:
            raise click.ClickException(f"no such prompt: {', '.join(unknown)} (see: hotline prompts list)")
        todo = [line for line in lines(texts) if not only or set(only) & set(line.prompts)]
        recogniser = _recogniser()
        results = []
        for at, line in enumerate(todo, 1):
            heard = _hear(recogniser, _recording(line))
            results.append(_Result(line, heard, score(texts, line, heard)))
            if not as_json:
                click.echo(f"[{at}/{len(todo)}] {results[-1].score.share:4.0%}  {line.text}  {heard}")
    except (DataFileError, EngineError, OSError, wave.Error) as error:
        raise click.ClickException(str(error)) from error
    _report(results, as_json)


def _report(results: list[_Result], as_json: bool) -> None:
    whole = _total([result for result in results if result.line.whole])
    made = _total([result for result in results if not result.line.whole])
    both = whole + made
    worst = sorted((one for one in results if one.score.share < 1), key=lambda one: one.score.share)[:_WORST]
    if as_json:
        shares = {"prompts": whole.share, "sentences": made.share, "all": both.share}
        totals = {name: round(share, 4) for name, share in shares.items()}
        rows = [result.row for result in results]
        click.echo(json.dumps({"lines": rows, "totals": totals, "wanted": WANTED}, ensure_ascii=False))
    else:
        click.echo("\n最差 worst:")
        for one in worst:
            click.echo(f"{one.score.share:4.0%}  {' '.join(one.line.prompts)}: {one.line.text}  听成 {one.heard}")
        click.echo(f"\nprompts {whole.share:.1%}, sentences made of parts {made.share:.1%}, all {both.share:.1%}")
    if both.share < WANTED:
        raise SystemExit(1)


def _total(results: list[_Result]) -> Score:
    return reduce(Score.__add__, (result.score for result in results), Score(0, 0))


def _recogniser() -> Recogniser:
    recogniser = engines.load("whisper", load_settings().models_dir, threads=1)
    assert recogniser is not None
    return recogniser


def _recording(line: Line) -> bytes:
    pcm = b""
    for name in line.prompts:
        with wave.open(str(sound_file(FOLDER, name))) as file:
            pcm += file.readframes(file.getnframes())
    return pcm


def _hear(recogniser: Recogniser, pcm: bytes) -> str:
    utterance = recogniser.open()
    try:
        edge = bytes(FRAME_BYTES * _EDGE_FRAMES)
        utterance.feed(edge + pcm + edge)
        return utterance.finish()
    finally:
        utterance.close()
