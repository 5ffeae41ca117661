"""The files behind the understanding: faults are named with their line, and the weights come from what is here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from datafile import DataFileError
from hotline.cli import main
from routing.intent.corpus_file import corpus, families, read
from routing.intent.features import Ear
from routing.intent.model import WEIGHTS, Model, WeightsError
from routing.intent.patterns import sentences
from routing.intent.phrasebook import PhraseBook
from routing.intent.syllables import FOLDER, Sounds, sounds, split
from routing.intent.train import Training


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [("zhuang", ("zh", "uang")), ("yu", ("0", "v")), ("ju", ("j", "v")), ("jue", ("j", "ve")), ("shi", ("sh", "ih")),
     ("xi", ("x", "i")), ("lve", ("l", "ve")), ("an", ("0", "an")), ("wen", ("0", "un")), ("jiong", ("j", "iong"))],
)  # fmt: skip
def test_syllables_come_apart(syllable: str, parts: tuple[str, str]) -> None:
    assert split(syllable) == parts


def test_sounds() -> None:
    table = sounds()

    def alike(one: str, other: str) -> float:
        return float(table.alike[table.number[one], table.number[other]])

    assert alike("shi", "shi") == 1
    assert alike("zhi", "zi") > 0.9
    assert alike("lan", "nan") > 0.9
    assert alike("huo", "ma") < 0.1
    assert [table.names[s] for s in table.listen("1着 火OK??嗯")] == ["yi", "zhao", "huo", "ou", "kai", "en"]
    assert table.listen("着火", 1) == [table.number["zhao"]]


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("phrases.yaml", "service: [\"119\"]", "service: [\"911\"]", "dangers.fire.service"),
        ("phrases.yaml", "phrases: [着火, ", "phrases: [着火, 找火, ", "sounds like another"),
        ("phrases.yaml", "smoke: \"119\"", "fog: \"119\"", "fog stands only here"),
        ("phrases.yaml", "guards:", "gards:", "guards"),
        ("phrases.yaml", "phrases: [着火, ", "phrases: [一二三四五六七八九, ", "1 to 8 syllables"),
        ("topics.yaml", "usual: help", "usual: hlep", "usual"),
    ],
)  # fmt: skip
def test_faults_are_named_with_their_line(tmp_path: Path, file: str, old: str, new: str, what: str) -> None:
    for name in ("phrases.yaml", "topics.yaml"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(old, new, 1) if name == file else text, encoding="utf-8")
    with pytest.raises(DataFileError, match=rf"{file}:\d+: ") as caught:
        PhraseBook(sounds(), tmp_path / "phrases.yaml", tmp_path / "topics.yaml")
    assert what in str(caught.value)


def test_faults_of_sounds_and_corpus(tmp_path: Path) -> None:
    text = (FOLDER / "sounds.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "sounds.yaml"
    wrong.write_text(text.replace("z-zh c-ch", "z-zy c-ch", 1), encoding="utf-8")
    with pytest.raises(DataFileError, match="z-zy: no such sound"):
        Sounds(wrong)
    rows = tmp_path / "some.tsv"
    for row, what in (("help\t110\t\ta", "service 110"), ("hlep\t-\t\ta", "no class"), ("help\t-", "2 columns")):
        rows.write_text(f"class\tservice\ttopic\ttext\n{row}\n", encoding="utf-8")
        with pytest.raises(DataFileError, match=rf"some.tsv:2: .*{what}"):
            list(read(rows))


def test_weights_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"routing\.intent\.train"):
        Model.load([], 3, tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK nonsense")
    with pytest.raises(WeightsError):
        Model.load([], 3, tmp_path / "bad.npz")


def test_the_weights_are_small_and_fit_the_phrases() -> None:
    assert WEIGHTS.stat().st_size < 2_000_000
    ear = Ear(sounds(), PhraseBook(sounds()))
    with np.load(WEIGHTS) as file:
        assert list(file["names"]) == ear.names, "phrases changed: python -m routing.intent.train"


def test_families_hold_like_sentences_together() -> None:
    first, second, third = families(sounds(), ["我家停水两天了", "我家停水三天了", "请问护照在哪里办"])
    assert first == second != third


def test_patterns_and_corpus_can_be_read() -> None:
    made = list(sentences(1, 2))
    assert {line.label for line in made} == {line.label for line in corpus()[0]}
    assert made == list(sentences(1, 2))


@pytest.mark.parametrize(
    ("arguments", "stdin", "first"),
    [
        (["我家停水两天了"], "", "求助 help"),
        (["嗯"], "", "听不出诉求"),
        (["-"], "我家着火了\n", "紧急求助 emergency · 转 119"),
    ],
)
def test_command(arguments: list[str], stdin: str, first: str) -> None:
    result = CliRunner().invoke(main, ["intent", *arguments], input=stdin)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(first)


def test_command_in_json() -> None:
    result = CliRunner().invoke(main, ["intent", "-", "--json"], input="我家停水两天了\n嗯\n")
    water, nothing = (json.loads(line) for line in result.output.splitlines())
    assert (water["class"], water["service"], water["topic"]) == ("help", None, "water")
    assert 0 < water["score"] <= 1
    assert nothing["class"] is None
    empty = CliRunner().invoke(main, ["intent", " "])
    assert empty.exit_code == 2
    assert "没有内容" in empty.output


def test_equal_files_give_equal_weights(tmp_path: Path) -> None:
    """A small part of the corpus, twice; the whole takes minutes."""
    rows = ["class\tservice\ttopic\ttext"]
    for path in sorted((FOLDER / "corpus").glob("*.tsv")):
        if path.name != "heard.tsv":
            rows += path.read_text(encoding="utf-8").splitlines()[1::60]
    (tmp_path / "some.tsv").write_text("\n".join(rows), encoding="utf-8")
    one, other = (
        training.model(np.arange(len(training.lines)))
        for training in (Training(sounds(), tmp_path, copies=1, per_pattern=3) for _ in range(2))
    )
    assert np.array_equal(one.keys, other.keys)
    assert np.allclose(one.classes.keyed, other.classes.keyed, atol=1e-4)
    assert np.allclose(one.services.named, other.services.named, atol=1e-4)
