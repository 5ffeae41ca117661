"""Answers at closed steps: yes or no, digits, a choice, a word of a scale; and grammars for them."""

from __future__ import annotations

import pytest

from routing.intent import Understanding, load_understanding

SCALE = ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return load_understanding()


@pytest.mark.parametrize(
    "text",
    (
        "是 是的 对 对的 对呀 好 好的 嗯 可以 没错 没有错 没问题 行 是的没错 嗯对 好的谢谢 对对对 事的 好吧 "
        "确认 OK 對 是的,謝謝"
    ).split(),
)
def test_agreement(understanding: Understanding, text: str) -> None:
    assert understanding.yes(text) is True


@pytest.mark.parametrize(
    "text",
    (
        "不 不是 不是的 不对 不用 不用了谢谢 不要 没有 嗯不是 好像不对 不行 不可以 错了 不需要 不是的我要投诉 "
        "算了 布是 不對"
    ).split(),
)
def test_refusal(understanding: Understanding, text: str) -> None:
    assert understanding.yes(text) is False


@pytest.mark.parametrize("text", ["", *"您好 不知道 什么 我家停水了 是不是 我要转人工 。 abc 等一下".split()])
def test_neither(understanding: Understanding, text: str) -> None:
    assert understanding.yes(text) is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("零一二三四五六七八九", "0123456789"),
        ("幺幺零", "110"),
        ("两三四", "234"),
        ("洞幺拐勾", "0179"),
        ("十二", "12"),
        ("二十", "20"),
        ("二十三", "23"),
        ("一百零五", "105"),
        ("一千二百", "1200"),
        ("110", "110"),
        ("１１０", "110"),
        ("2026-1121-000123", "20261121000123"),
        ("二零二六 一一二一 零零零一", "202611210001"),
        ("我的工单号是二零二六一一二一零零零零零一", "20261121000001"),
        ("嗯号码是一三八零零", "13800"),
        ("一二是五", "1245"),
        ("山二一林", "3210"),
        ("尾号三四五六谢谢", "3456"),
    ],
)
def test_digits(understanding: Understanding, text: str, digits: str) -> None:
    assert understanding.digits(text) == digits


@pytest.mark.parametrize(
    "text",
    ["", *"是我 我爸 就是 我家停水两天了 我家住三号楼二单元 二零二五年我买的房 我打了一一零 吧 我无是死".split()],
)
def test_sentences_are_no_digits(understanding: Understanding, text: str) -> None:
    assert understanding.digits(text) == ""


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("投诉", 0),
        ("我要投诉", 0),
        ("投素", 0),
        ("求助", 1),
        ("是求猪吧", 1),
        ("不是投诉是求助", 1),
        ("第一个", 0),
        ("第二个", 1),
        ("弟二个", 1),
        ("前面那个", 0),
        ("后面那个", 1),
        ("最后一个", 1),
        ("一", 0),
        ("二", 1),
        ("都不是", None),
        ("随便", None),
        ("", None),
        ("第三个", None),
    ],
)
def test_choice(understanding: Understanding, text: str, index: int | None) -> None:
    assert understanding.choice(text, ["投诉", "求助"]) == index


def test_choice_of_nothing(understanding: Understanding) -> None:
    assert understanding.choice("第一个", []) is None
    assert understanding.choice("第三个", ["咨询", "投诉", "工单进度"]) == 2
    assert understanding.choice("查进度", ["咨询", "投诉", "工单进度"]) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("满意", "满意"),
        ("非常满意", "非常满意"),
        ("非常的满意", "非常满意"),
        ("很满意", "非常满意"),
        ("不满意", "不满意"),
        ("布满意", "不满意"),
        ("不太满意", "不满意"),
        ("不是很满意", "不满意"),
        ("非常不满意", "非常不满意"),
        ("一点都不满意", "非常不满意"),
        ("太差了", "非常不满意"),
        ("基本满意", "基本满意"),
        ("一般", "基本满意"),
        ("还行吧", "基本满意"),
        ("挺好的", "满意"),
        ("不好", "不满意"),
        ("", None),
        ("我家停水了", None),
    ],
)
def test_satisfaction(understanding: Understanding, text: str, word: str | None) -> None:
    assert understanding.satisfaction(text, SCALE) == word


def test_a_short_scale_takes_the_nearest_word(understanding: Understanding) -> None:
    assert understanding.satisfaction("非常满意", ["满意", "一般", "不满意"]) == "满意"
    assert understanding.satisfaction("还行", ["满意", "一般", "不满意"]) == "一般"
    assert understanding.satisfaction("太差了", ["满意", "一般", "不满意"]) == "不满意"
    assert understanding.satisfaction("挺好", []) is None


def test_what_a_grammar_listens_for_is_understood(understanding: Understanding) -> None:
    assert all(understanding.yes(phrase) is not None for phrase in understanding.phrases("yes-no"))
    names = ["投诉", "求助"]
    chosen = understanding.phrases("choice", names)
    assert set(names) <= set(chosen)
    assert {understanding.choice(phrase, names) for phrase in chosen} == {0, 1, None}
    scale = understanding.phrases("satisfaction", SCALE)
    assert set(SCALE) <= set(scale)
    assert all(understanding.satisfaction(phrase, SCALE) in SCALE for phrase in scale)
    assert {"零", "幺", "两", "九"} <= set(understanding.phrases("digits"))
    assert all(understanding.danger(phrase) for phrase in understanding.phrases("danger"))
