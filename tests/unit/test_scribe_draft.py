"""What a draft takes from a caller's words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from calls.transcripts import Made, Said
from hotline.scribe_draft import SUMMARY, draft_of, sentences_of
from tickets.draft import Draft
from tickets.words import Category


@dataclass(frozen=True)
class Meant:
    label: str
    score: float = 0.9
    service: str | None = None
    topic: str | None = None
    sure: bool = True


@dataclass(frozen=True)
class Found:
    places: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


def understand(text: str) -> Meant | None:
    for word, meant in {
        "停水": Meant("help", 0.8, topic="water"),
        "噪音": Meant("complaint", 0.95),
        "着火": Meant("emergency", 0.99, service="119"),
        "人工": Meant("agent"),
    }.items():
        if word in text:
            return meant
    return None


def draft(*said: str, message: str = "", find: Found | None = None) -> Draft | None:
    spoken = [Said("caller", 1000 * n, 1000 * n + 900, words) for n, words in enumerate(said)]
    spoken.append(Said("other", 500, 900, "您好这里是12345我家噪音"))
    if message:
        spoken.append(Said("caller", 90_000, 95_000, message))
    made = Made(tuple(spoken), "whisper", "base", 100.0, message_ms=80_000 if message else None)
    return draft_of(made, understand, lambda words: find or Found())


def test_the_surest_sentence_of_the_callers() -> None:
    found = draft("喂你好", "嗯，转人工", "我家停水两天了。", "楼上还有噪音", "谢谢")
    assert found == Draft(summary="楼上还有噪音", category=Category.COMPLAINT)
    found = draft("你好，我家停水两天了。", "谢谢")
    assert found == Draft(summary="我家停水两天了", category=Category.HELP, topic="water")


def test_a_message_says_it_best() -> None:
    found = draft("楼上有噪音", message="我家停水两天了")
    assert found is not None
    assert (found.summary, found.category) == ("我家停水两天了", Category.HELP)


def test_danger_comes_first_and_has_no_category() -> None:
    found = draft("楼上有噪音", "仓库着火了")
    assert found is not None
    assert (found.summary, found.category, found.emergency) == ("仓库着火了", None, "119")


def test_without_a_wish_the_longest_sentence_and_nothing_made_up() -> None:
    assert draft("嗯好的", "昨天那件事后来怎么样了", "再见") == Draft(summary="昨天那件事后来怎么样了")


@pytest.mark.parametrize("said", [(), ("喂", "你好。"), ("。。。",)])
def test_nothing_of_use(said: tuple[str, ...]) -> None:
    assert draft(*said) is None


def test_long_sentences_end_at_a_comma() -> None:
    found = draft("我要反映噪音" + "，楼下饭店每天晚上都放音乐放到很晚" * 6)
    assert found is not None
    assert len(found.summary) <= SUMMARY
    assert found.summary.endswith("很晚…")
    found = draft("噪音" + "啊" * 200)
    assert found is not None
    assert len(found.summary) == SUMMARY


def test_a_short_one_takes_the_next_along() -> None:
    found = draft("停水了", "在中山路那边")
    assert found is not None
    assert found.summary == "停水了，在中山路那边"


def test_details_are_bounded() -> None:
    found = draft("停水", find=Found(places=("中山路",) * 50, phones=("1" * 500,)))
    assert found is not None
    assert (len(found.places), len(found.phones[0])) == (20, 200)


def test_sentences() -> None:
    assert sentences_of("喂，您好，我想问一下。社保怎么转？嗯") == ["我想问一下。", "社保怎么转？"]
