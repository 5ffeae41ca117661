"""``hotline listen``: what would be heard in a recording."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from datafile import DataFileError
from hotline.cli.speech import load_engine
from hotline.spoken_eval import judge
from routing.intent import load_understanding
from routing.intent.model import WeightsError
from speech import engines, wav
from speech.offline import hear
from speech.port import RATE, EngineError


@click.command("listen")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--engine", type=click.Choice(engines.NAMES), help="识别引擎 Default: as set, [speech] engine.")
@click.option(
    "--side", type=click.Choice(["left", "right"]), default="left", help="声道 Of two channels: left, the caller."
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON. One JSON object instead of text.")
def command(file: Path, engine: str | None, side: wav.Side, as_json: bool) -> None:
    """识别录音. What is said in FILE (WAV: PCM, A-law or µ-law), as it is heard, and what a call would make of it."""
    try:
        pcm = wav.read(file, side)
        recogniser = load_engine(engine)
        understanding = load_understanding()
        begun = time.monotonic()
        hearing = hear(recogniser, pcm)
        seconds = time.monotonic() - begun
    except (EngineError, DataFileError, WeightsError) as error:
        raise click.ClickException(str(error)) from error
    verdict = judge(understanding, hearing)
    if as_json:
        found = {
            "engine": recogniser.name,
            "transcript": hearing.text,
            "partials": [{"at": round(partial.at, 2), "text": partial.text} for partial in hearing.partials],
            "class": verdict.label,
            "service": verdict.service,
            "audio_seconds": round(len(pcm) / 2 / RATE, 2),
            "seconds": round(seconds, 3),
        }
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for partial in hearing.partials:
        click.echo(f"{partial.at:7.2f} s  {partial.text}")
    click.echo(hearing.text or "（没有听到话语 nothing was heard）")
    service = f" → {verdict.service}" if verdict.service else ""
    click.echo(f"{verdict.label or '听不出诉求 nothing usable'}{service}  ({recogniser.name}, {seconds:.2f} s)")
