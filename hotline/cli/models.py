"""``hotline models``: the recognisers' models, fetched and verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from hotline.settings import load_settings
from speech import models
from speech.catalogue import BY_NAME, MODELS, VOSK_CN, VOSK_KO, WHISPER_BASE, Archive, Model, Source
from speech.models import ModelError

_WORDS = {"ready": "可用", "missing": "未下载", "damaged": "已损坏"}
_START_PATIENCE_SECONDS = 4.0
_PATIENCE_SECONDS = 20.0


@click.group("models")
def command() -> None:
    """语音识别模型: list, fetch, check. Speech recognition's models; without any the keys alone serve callers."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON. One JSON object instead of text.")
def list_command(as_json: bool) -> None:
    """列出已知模型. Every known model: state (by the sizes of its files), size, licence, where it comes from."""
    place = load_settings().models_dir
    rows = [
        {
            "name": model.name,
            "engine": model.engine,
            "language": model.language,
            "licence": model.licence,
            "bytes": model.size,
            "about": model.about,
            "sources": [_named(source) for source in model.sources],
            "state": models.glance(place, model),
        }
        for model in MODELS
    ]
    if as_json:
        click.echo(json.dumps({"folder": str(place), "models": rows}, ensure_ascii=False))
        return
    for model, row in zip(MODELS, rows, strict=True):
        click.echo(
            f"{model.name:<26}{_WORDS[str(row['state'])]} {row['state']:<9}{model.size / 1e6:6.0f} MB  {model.about}"
        )
        for source in model.sources:
            click.echo(f"{'':<26}{model.licence}, {model.engine}, {_named(source)}")
    click.echo(f"目录 folder: {place}")


@command.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="全部. Every known model.")
@click.option("--start", is_flag=True, hidden=True, help="As `make run` does: in no time where nothing can be had.")
@click.option("--dev", is_flag=True, hidden=True, help="With --start: also what the tests need.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON. One JSON object instead of text.")
def fetch_command(names: tuple[str, ...], everything: bool, start: bool, dev: bool, as_json: bool) -> None:
    """下载并校验模型. Without a name: those a hotline uses (Mandarin by Vosk, and Whisper).

    After an interruption an archive from an address goes on where it ended; of a model from the package index the
    packages that had arrived are kept, the one under way comes again. Nothing is used unless its hash is right. Exit
    code 1 if a model that was asked for could not be had.
    """
    settings = load_settings()
    place = settings.models_dir
    if start:
        click.echo(json.dumps(_start(place, settings.speech.engine, dev)))
        return
    wanted = MODELS if everything else tuple(map(_model, names)) or (VOSK_CN, WHISPER_BASE)
    troubles: dict[str, str] = {}
    for model in wanted:
        try:
            _fetch(place, model, _PATIENCE_SECONDS)
        except ModelError as error:
            troubles[model.name] = str(error)
    if as_json:
        click.echo(json.dumps({"folder": str(place), "ready": _ready(wanted, troubles), "failed": troubles}))
    else:
        for name in _ready(wanted, troubles):
            click.echo(f"{name}: 可用 ready")
        for name, trouble in troubles.items():
            click.echo(f"{name}: 无法获得 could not be had\n  " + trouble.replace("\n", "\n  "), err=True)
    if troubles:
        raise SystemExit(1)


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON. One JSON object instead of text.")
def check_command(names: tuple[str, ...], as_json: bool) -> None:
    """逐字节校验已下载的模型. Reads every byte. Exit code 1 if one is damaged, or one that was named is missing."""
    place = load_settings().models_dir
    states = {model.name: models.check(place, model) for model in (tuple(map(_model, names)) or MODELS)}
    if as_json:
        click.echo(json.dumps({"folder": str(place), "models": states}))
    else:
        for name, state in states.items():
            click.echo(f"{name:<26}{_WORDS[state]} {state}")
    if "damaged" in states.values() or (names and "missing" in states.values()):
        raise SystemExit(1)


def _start(place: Path, engine: str, dev: bool) -> dict[str, list[str]]:
    """For tools/bootstrap.py: what to say, and which files being there or not makes the answer hold."""
    wanted = [*(() if engine == "none" else (VOSK_CN, WHISPER_BASE)), *((WHISPER_BASE, VOSK_KO) if dev else ())]
    missing = []
    for model in dict.fromkeys(wanted):
        try:
            _fetch(place, model, _START_PATIENCE_SECONDS)
        except ModelError:
            missing.append(model)
    lines = []
    if VOSK_CN in missing:
        instead = "只有按键 keys alone, no speech" if WHISPER_BASE in missing else "改用 Whisper instead"
        lines.append(f"语音识别模型 {VOSK_CN.name} 无法下载 cannot be reached: {instead} (`hotline models fetch`)")
    if dev and (lost := [model.name for model in missing if model is not VOSK_CN]):
        lines.append(
            f"SPEECH TESTS WILL FAIL, {', '.join(lost)} cannot be had: `hotline models fetch {' '.join(lost)}`"
        )
    present = [str(models.manifest(place, model)) for model in wanted if model not in missing]
    return {"say": lines, "present": present, "absent": [str(models.manifest(place, model)) for model in missing]}


def _fetch(place: Path, model: Model, patience: float) -> None:
    if models.check(place, model) == "ready":
        return
    with _bar(model) as report:
        models.fetch(place, model, report, patience=patience)


@contextmanager
def _bar(model: Model) -> Iterator[models.Report]:
    """On a terminal a bar, elsewhere one line."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"  {model.name}: {model.size / 1e6:.0f} MB …", err=True)
    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(model.name, total=model.size)
        yield lambda have, total: progress.update(task, completed=have, total=total)


def _model(name: str) -> Model:
    if name not in BY_NAME:
        raise click.ClickException(f"{name}: 没有这个模型 no such model (there are {', '.join(BY_NAME)})")
    return BY_NAME[name]


def _ready(wanted: tuple[Model, ...], troubles: dict[str, str]) -> list[str]:
    return [model.name for model in wanted if model.name not in troubles]


def _named(source: Source) -> str:
    if isinstance(source, Archive):
        return source.url
    return "PyPI " + " + ".join(f"{wheel.package} {wheel.version}" for wheel in source.wheels)
