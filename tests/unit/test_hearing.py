"""How well prompts are understood: which sentences are heard, how a listener's writing is counted."""

from __future__ import annotations

import pytest

from ivr.hearing import Line, Score, lines, score
from ivr.prompts import load_prompts

TEXTS = load_prompts().texts


def line_of(*prompts: str) -> Line:
    return next(line for line in lines(TEXTS) if line.prompts[: len(prompts)] == prompts)


def test_every_prompt_is_heard_somewhere() -> None:
    heard = {name for line in lines(TEXTS) for name in line.prompts}
    assert set(TEXTS.prompts) <= heard


def test_parts_are_heard_in_their_sentences_only() -> None:
    alone = {line.prompts[0] for line in lines(TEXTS) if line.whole}
    assert "greeting" in alone
    assert not alone & {"digits/7", "queue-thereare", "queue-callswaiting", "queue-minutes", "ask-help", "or-help"}


@pytest.mark.parametrize(
    ("prompts", "heard"),
    [
        (("greeting",), "您好,这里是12345政务服务便民热线,本次通话将被录音"),  # digits, other punctuation
        (("greeting",), "您好這裡是幺二三四五正午服务便民热线本次通话将被录音"),  # same sounds, traditional characters
        (("queue-thereare", "digits/50", "digits/9"), "您当前排在第59位请您耐心等候"),
        (("queue-thereare", "digits/8", "digits/thousand"), "您当前排在第8,164位 请您耐心等候"),
        (("queue-holdtime", "digits/liang"), "大约还需等候2分钟"),
        (("ticket-number",), "您的工单号是2026 1120 000 356"),
        (("test-centre-110",), "这里是妖妖灵测试台,这是一次测试通话。"),
        (("test-centre-110",), "这里是110测试台,这是一次测试通话。"),
        (("queue-quantity1",), "您当前排在第90位之后,请您耐心等候"),
    ],
)
def test_the_same_sounds_are_all_right(prompts: tuple[str, ...], heard: str) -> None:
    assert score(TEXTS, line_of(*prompts), heard).share == 1


def test_pronunciation_is_as_the_voice_says_it() -> None:
    menu = line_of("menu-main")
    assert score(TEXTS, menu, menu.text.replace("重听", "虫听")).share == 1


@pytest.mark.parametrize(
    ("heard", "right"),
    [("感谢您的来店再见", 8), ("感谢您来电", 5), ("好的好的感谢您的来电再见", 4), ("", 0), ("Thank you", 0)],
)
def test_wrong_missing_and_invented_syllables_count(heard: str, right: int) -> None:
    assert score(TEXTS, line_of("goodbye"), heard) == Score(right, 8)


def test_scores_add_up() -> None:
    assert (Score(3, 4) + Score(1, 4)).share == 0.5
    assert Score(0, 0).share == 1
