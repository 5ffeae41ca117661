"""How ``hotline calls --id`` tells what was said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from calls import surveyed, timeline
from web.call_told import EVENTS, told


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
        ("key", {"key": "2", "node": "main", "barge_ms": "40"}, "2，打断 40 毫秒（main）"),
        ("key", {"key": "2", "node": "main"}, "2（main）"),
        ("speech_off", {"why": "lag"}, "语音识别太慢"),
        ("speech_off", {}, ""),
        ("progress", {"result": "found", "ticket": "20261121-000123"}, "已告知 20261121-000123"),
        ("progress", {"result": "wrong"}, "不符"),
        ("cancelled", {"service": "119"}, "119"),
        ("answer", {"question": "satisfaction", "value": "dissatisfied", "by": "key"}, "满意度：不满意（按键）"),
        ("answer", {"question": "solved", "value": "no", "by": "speech"}, "是否已解决：否（口述）"),
        ("answer", {"question": "improve", "value": "attitude"}, "improve：attitude"),
        ("opted_out", {"by": "speech"}, "（口述）"),
        ("to_agent", {}, ""),
        ("comment", {"seconds": "12", "status": "DTMF"}, "12 秒 DTMF"),
        ("broken", {"why": "frozen"}, "语音服务无响应"),
        ("arrived", {"dialled": "12345", "via": "web"}, "网页电话 12345"),
        ("notice", {"played": "interrupted", "ms": "900"}, "被打断"),
        ("number", {"digits": "13900001111", "node": "callback"}, "13900001111（callback）"),
        ("decided", {"kind": "queue", "to": "help", "category": "help", "by": "key"}, "转队列 help 求助（按键）"),
        ("decided", {"kind": "message", "to": "message", "by": "unknown"}, "留言（unknown）"),
        ("queued", {"queue": "help", "position": "3"}, "help，第 3 位"),
        ("overflow", {"queue": "agents", "to": "message", "why": "TIMEOUT"}, "agents → 留言"),
        ("abandoned", {"queue": "help", "seconds": "31"}, "help，等了 31 秒"),
        ("emergency_trunk", {"service": "119", "trunk": "1", "status": "BUSY"}, "119 线路 1 BUSY"),
        ("no_answer", {"party": "1001", "ms": "15000"}, "座席 1001，振铃 15 秒"),
        ("no_answer", {"party": "1001", "ms": "²"}, "座席 1001"),
        ("connected", {"party": "emergency-1"}, "应急中心"),
        ("connected", {"party": "outbound"}, "外线"),
        ("consulted", {"to": "unit-water"}, "单位 water"),
        ("consulted", {"to": "1002"}, "座席 1002"),
        ("consulted", {"to": "110"}, "110"),
        ("transferred", {"by": "1001", "to": "1002", "how": "attended"}, "座席 1001 咨询后转接 → 座席 1002"),
        ("hung_up", {"by": "agent 1001"}, "座席 1001"),
        ("outgoing", {"agent": "1001", "ticket": "20261122-000001"}, "座席 1001 20261122-000001"),
        ("listened", {"by": "3001", "mode": "whisper"}, "座席 3001 耳语"),
        ("nobody_knows", {"a": "b"}, "a=b"),
    ],
)  # fmt: skip
def test_a_line_of_the_timeline(event: str, detail: dict[str, str], line: str) -> None:
    assert told(event, detail) == line


def test_queues_and_agents_by_their_names() -> None:
    names = {"help": "求助", "1001": "张敏"}
    assert told("queued", {"queue": "help", "position": "3"}, names) == "求助，第 3 位"
    assert told("overflow", {"queue": "help", "to": "message"}, names) == "求助 → 留言"
    assert told("connected", {"party": "1001"}, names) == "座席 1001 张敏"


def test_every_word_of_a_timeline_has_a_name() -> None:
    sources = "".join(one.read_text(encoding="utf-8") for one in Path(timeline.__file__).parent.glob("timeline*.py"))
    noted = re.findall(r'(?:\.note|_lost)\([^"\n]*, "([a-z_]+)"', sources)
    assert len(set(noted)) > 40
    assert {*noted, *surveyed.WHAT.values()} <= EVENTS.keys()
