"""How ``hotline calls --id`` tells what was said."""

from __future__ import annotations

import pytest

from web.call_told import told


@pytest.mark.parametrize(
    ("event", "detail", "line"),
    [
        (
            "heard",
            {
                "node": "main", "end": "words", "text": "我家停水两天了", "class": "help", "topic": "water",
                "score": "0.93", "barge_ms": "120", "decide_ms": "450", "engine": "vosk",
            },
            "“我家停水两天了” → 求助 water 0.93，打断 120 毫秒，决定 450 毫秒（main，vosk）",
        ),
        (
            "heard",
            {"node": "main", "end": "alarm", "text": "对面楼着火了", "class": "emergency", "service": "119"},
            "“对面楼着火了” 话未说完 → 紧急119（main）",
        ),
        ("heard", {"node": "main", "end": "unusable"}, "没有听清（main）"),
        ("heard", {"node": "confirm", "end": "words", "text": "不是", "answer": "no"}, "“不是” 答：不是（confirm）"),
        ("heard", {"node": "main", "text": "［保密］", "class": "help"}, "［保密］ → 求助（main）"),
        ("heard", {}, ""),
        ("key", {"key": "2", "node": "main", "barge_ms": "40"}, "key=2 node=main，打断 40 毫秒"),
        ("key", {"key": "2", "node": "main"}, "key=2 node=main"),
        ("speech_off", {"why": "lag"}, "语音识别太慢"),
        ("speech_off", {}, ""),
        ("progress", {"result": "found", "ticket": "20261121-000123"}, "已告知 20261121-000123"),
        ("progress", {"result": "wrong"}, "不符"),
        ("cancelled", {"service": "119"}, "service=119"),
        ("answer", {"question": "satisfaction", "value": "dissatisfied", "by": "key"}, "满意度：不满意（按键）"),
        ("answer", {"question": "solved", "value": "no", "by": "speech"}, "是否已解决：否（口述）"),
        ("answer", {"question": "improve", "value": "attitude"}, "improve：attitude"),
        ("opted_out", {"by": "speech"}, "（口述）"),
        ("to_agent", {}, ""),
        ("comment", {"seconds": "12", "status": "DTMF"}, "12 秒 DTMF"),
        ("broken", {"why": "frozen"}, "语音服务无响应"),
    ],
)  # fmt: skip
def test_a_line_of_the_timeline(event: str, detail: dict[str, str], line: str) -> None:
    assert told(event, detail) == line
