"""``hotline speech``: how well callers are understood."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from datafile import DataFileError
from hotline.settings import load_settings
from hotline.spoken_eval import ListError, Result, evaluate, read_list, totals
from routing.intent import load_understanding
from routing.intent.model import WeightsError
from speech import engines
from speech.port import EngineError, Recogniser

_TOTALS = {
    "lines": "句数 lines",
    "class_accuracy": "类别正确率 class accuracy",
    "emergencies": "紧急情况 emergencies",
    "emergencies_found": "其中识别出 of them found",
    "emergencies_right_service": "且服务正确 of these to a right service",
    "emergencies_wrongly_raised": "其余误报为紧急 wrongly raised, of the rest",
    "character_error_rate": "字错误率 character error rate",
    "pinyin_error_rate": "拼音错误率（不计声调） pinyin error rate, without tones",
    "seconds_per_utterance": "每句用时（秒） seconds per utterance",
}
_NUMBERS = {"lines", "emergencies", "seconds_per_utterance"}


@click.group("speech")
def command() -> None:
    """语音识别效果: measure how well spoken sentences are understood."""


@command.command("eval")
@click.option(
    "--tsv", required=True, type=click.Path(path_type=Path), help="标注表 Lines of: id, class, service, text."
)
@click.option("--wav", required=True, type=click.Path(path_type=Path, file_okay=False), help="录音目录 Holds id.wav.")
@click.option("--engine", type=click.Choice(engines.NAMES), help="识别引擎 Default: as set, [speech] engine.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON. One JSON object instead of text.")
def eval_command(tsv: Path, wav: Path, engine: str | None, as_json: bool) -> None:
    """评测录音. Recognises every recording of a labelled list, and says what a call would make of it.

    The list has tab-separated columns: id, class, service (acceptable ones joined by |, - for none), text.
    """
    try:
        todo = read_list(tsv, wav)
        understanding = load_understanding()
        results = evaluate(todo, load_engine(engine), understanding, lambda result: _progress(result, as_json))
    except (ListError, EngineError, DataFileError, WeightsError) as error:
        raise click.ClickException(str(error)) from error
    sums = totals(results)
    if as_json:
        click.echo(json.dumps({"lines": [_row(result) for result in results], "totals": sums}, ensure_ascii=False))
        return
    click.echo("")
    for name, title in _TOTALS.items():
        click.echo(f"{_number(name, sums[name]):>8}  {title}")


def load_engine(engine: str | None) -> Recogniser:
    """The named engine, or what the settings say. Raises :class:`EngineError` if there is none."""
    settings = load_settings()
    wanted = engine or settings.speech.engine
    found = engines.load("auto" if wanted == "none" else wanted, settings.models_dir, os.cpu_count() or 1)
    if found is None:
        raise EngineError(
            f"没有可用的识别模型 no engine has its model in {settings.models_dir}: `hotline models fetch`"
        )
    return found


def _progress(result: Result, as_json: bool) -> None:
    """Results go to stdout, or, when that is for JSON, to stderr."""
    wanted, got = result.wanted, result.verdict
    mark = click.style("✓", fg="green") if result.right else click.style("✗", fg="red")
    verdict = f"{got.label or '-'} {got.service or '-'}"
    instead = "" if result.right else f"  ({wanted.label})"
    click.echo(
        f"{mark} {wanted.name:<8}{verdict:<18}{result.seconds:5.2f} s  {result.transcript}{instead}", err=as_json
    )


def _row(result: Result) -> dict[str, str | None]:
    return {
        "id": result.wanted.name,
        "transcript": result.transcript,
        "class": result.verdict.label,
        "service": result.verdict.service,
    }


def _number(name: str, value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if name in _NUMBERS else f"{value:.1%}"
