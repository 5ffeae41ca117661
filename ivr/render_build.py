"""Render the prompts that changed and write the manifest (``hotline prompts build``)."""

from __future__ import annotations

import json
import subprocess
import wave
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ivr.prompts import FOLDER, Prompts, Recipe, Rendered, file_hash, load_prompts, sound_file, stale
from ivr.render_kit import STYLES_SHA256, Kit, KitError

Report = Callable[[str, float], None]
"""Called with the id and the seconds of every finished prompt."""

SPEAK_SECONDS = 180.0
_CHECKOUT = Path(__file__).resolve().parent.parent
_HEADER = "# Written by `hotline prompts build`: what every recording was made from. Do not edit.\n"


def to_render(prompts: Prompts, only: Collection[str], voice: str | None, force: bool, folder: Path) -> dict[str, str]:
    """Ids to render with the reason. Raises :class:`KitError` for an unknown id or voice."""
    unknown = sorted(set(only) - prompts.ids)
    if unknown:
        raise KitError(f"no such prompt: {', '.join(unknown)} (see: hotline prompts list)")
    wanted_voice = voice or prompts.texts.voice
    if wanted_voice not in STYLES_SHA256:
        raise KitError(f"no such voice: {wanted_voice} (there are {', '.join(STYLES_SHA256)})")
    reasons = dict.fromkeys(sorted(only or prompts.ids), "asked for") if force else stale(prompts, folder, voice)
    return {name: reason for name, reason in reasons.items() if not only or name in only}


def build(kit: Kit, names: Collection[str], voice: str | None, report: Report, folder: Path = FOLDER) -> None:
    """Render ``names`` one by one; the manifest is right after each of them, so that stopping loses nothing."""
    prompts = load_prompts(folder)
    recipes = {name: prompts.texts.recipe(name, voice) for name in names}
    rendered = dict(prompts.rendered)
    for name, seconds in _speak(kit, recipes, folder):
        recipe = recipes[name]
        rendered[name] = Rendered(
            text=recipe.text,
            voice=recipe.voice,
            seconds=seconds,
            recipe=recipe.fingerprint,
            sha256=file_hash(sound_file(folder, name)),
        )
        write_manifest(rendered, folder)
        report(name, seconds)


def adopt(name: str, folder: Path = FOLDER) -> float:
    """Take the file at ``name``'s place as its recording (a speaker in a studio); returns its seconds.

    Raises :class:`KitError` unless it is 16-bit mono PCM at 8 kHz.
    """
    prompts = load_prompts(folder)
    if name not in prompts.texts.prompts:
        raise KitError(f"no such prompt: {name} (see: hotline prompts list)")
    path = sound_file(folder, name)
    try:
        with wave.open(str(path)) as file:
            shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            seconds: float = round(file.getnframes() / file.getframerate(), 2)
    except (OSError, EOFError, wave.Error) as error:
        raise KitError(f"{path}: {error}") from error
    if shape != (1, 2, 8000):
        raise KitError(f"{path}: must be mono, 16 bit, 8000 Hz")
    recipe = prompts.texts.recipe(name)
    made = Rendered(
        text=recipe.text, voice="recorded", seconds=seconds, recipe=recipe.fingerprint, sha256=file_hash(path)
    )
    write_manifest({**prompts.rendered, name: made}, folder)
    return seconds


def forget(folder: Path = FOLDER) -> list[str]:
    """Remove the recordings of prompts that left ``zh.yaml``; returns their ids."""
    prompts = load_prompts(folder)
    gone = sorted(set(prompts.rendered) - prompts.ids)
    for name in gone:
        sound_file(folder, name).unlink(missing_ok=True)
    if gone:
        write_manifest({name: made for name, made in prompts.rendered.items() if name in prompts.ids}, folder)
    return gone


def write_manifest(rendered: Mapping[str, Rendered], folder: Path = FOLDER) -> None:
    entries = {name: rendered[name].model_dump() for name in sorted(rendered)}
    text = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=1000)
    part = folder / "manifest.yaml.part"
    part.write_text(_HEADER + text, encoding="utf-8")
    part.replace(folder / "manifest.yaml")


def speak(kit: Kit, recipes: Sequence[Recipe], folder: Path) -> list[Path]:
    """What is none of the prompts: each as a file of ``folder``, in their order. Raises :class:`KitError`, also when it
    takes longer than ``SPEAK_SECONDS``."""
    paths = [folder / f"{number}.wav" for number in range(len(recipes))]
    request = _request(kit, [_job(path.stem, recipe, path) for path, recipe in zip(paths, recipes, strict=True)])
    try:
        done = subprocess.run(
            _command(kit), cwd=_CHECKOUT, input=request, capture_output=True, encoding="utf-8",
            timeout=SPEAK_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise KitError(f"the renderer took longer than {SPEAK_SECONDS:.0f} s") from None
    for line in done.stdout.splitlines():
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise KitError(answer["error"])
    if done.returncode:
        raise KitError(f"the renderer ended with code {done.returncode}")
    return paths


def _speak(kit: Kit, recipes: Mapping[str, Recipe], folder: Path) -> Iterator[tuple[str, float]]:
    """Run the renderer in the voice environment; yields id and seconds as they come."""
    request = _request(kit, [_job(name, recipe, sound_file(folder, name)) for name, recipe in recipes.items()])
    with subprocess.Popen(
        _command(kit),
        cwd=_CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(request)
            process.stdin.close()
            for line in process.stdout:
                answer: dict[str, Any] = json.loads(line)
                if "error" in answer:
                    raise KitError(f"{answer['id']}: {answer['error']}")
                yield str(answer["id"]), float(answer["seconds"])
            if process.wait() != 0:
                raise KitError(f"the renderer ended with code {process.returncode}")
        finally:
            process.kill()


def _command(kit: Kit) -> list[str]:
    return [str(kit.python), "-m", "ivr.render_prompts"]


def _request(kit: Kit, jobs: list[dict[str, object]]) -> str:
    return json.dumps({"model": str(kit.model), "voices": str(kit.styles), "jobs": jobs})


def _job(name: str, recipe: Recipe, path: Path) -> dict[str, object]:
    job: dict[str, object] = {"id": name, "path": str(path)}
    if recipe.tone is not None:
        return job | recipe.tone.model_dump()
    return job | recipe.model_dump(include={"text", "voice", "speed", "pronunciation"})
