"""Which district a caller names, compared by sound."""

from __future__ import annotations

import pytest

from routing.intent import Understanding, load_understanding


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return load_understanding()


@pytest.mark.parametrize(
    ("text", "district", "named"),
    [
        ("中山区停水了", "中山区", True),
        ("我家住中山停水了", "中山区", True),
        ("沙河口那边停水", "沙河口区", True),
        ("沙和口区停水", "沙河口区", True),  # as a recogniser writes it
        ("钟山区停水了", "中山区", True),
        ("庄河市没有水", "庄河市", True),
        ("高新区的路灯不亮", "高新区", True),
        ("西岗区停水了", "中山区", False),
        ("长海县停电", "中山区", False),
        ("我家停水了", "中山区", None),
        ("我们小区停水了", "中山区", None),
        ("阳光小区停水了", "中山区", None),
        ("社区的路灯不亮", "高新区", None),
        ("景区门口停车乱收费", "高新区", None),
        ("", "中山区", None),
    ],
)
def test_a_district_is_named_or_another_or_none(
    understanding: Understanding, text: str, district: str, named: bool | None
) -> None:
    assert understanding.named(text, district) is named
