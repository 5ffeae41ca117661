"""A call's timeline in words that people read, at the terminal and at the desk. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from people.masking import mask_phone, mask_text
from routing.queues import EMERGENCY_NUMBERS
from tickets.words import Category, Level, chinese

_CLASSES = {one.value: chinese(one) for one in Category} | {
    "status": "查询进度",
    "agent": "人工服务",
    "emergency": "紧急",
}
_ENDS = {"alarm": "话未说完", "unusable": "没有听清"}
_WHY_OFF = {"full": "语音识别已满", "lag": "语音识别太慢", "closed": "语音连接中断", "engine": "语音识别出错"}
NO_NAMES: Mapping[str, str] = {}
SECRET = "［保密］"
"""In the place of words; no recogniser writes brackets."""
EVENTS: Mapping[str, str] = {
    "arrived": "来电",
    "answered": "应答",
    "recording": "开始录音",
    "recording_off": "未录音",
    "notice": "录音告知",
    "key": "按键",
    "number": "输入号码",
    "progress": "查询进度",
    "heard": "听到",
    "speech_off": "改由按键服务",
    "cancelled": "主叫取消",
    "announced": "播放公告",
    "barred": "限制来电告知",
    "maintenance": "维护告知",
    "decided": "转接决定",
    "fallback": "启用备用流程",
    "queued": "进入队列",
    "rang": "振铃",
    "no_answer": "无人接听",
    "connected": "接通",
    "held": "保持",
    "unheld": "恢复通话",
    "transferred": "转接",
    "emergency": "紧急求助",
    "emergency_trunk": "应急线路未通",
    "emergency_failed": "应急线路全部未通",
    "added": "加入应急中心",
    "left": "离开",
    "left_queue": "离开队列",
    "overflow": "溢出",
    "abandoned": "排队中放弃",
    "message": "留言",
    "hung_up": "挂断",
    "called": "回访接通",
    "outgoing": "座席呼出",
    "asked": "开始询问",
    "answer": "回答",
    "opted_out": "以后不再回访",
    "to_agent": "要求转人工",
    "comment": "意见留言",
    "place": "保留排队位置",
    "place_left": "继续等候",
    "broken": "询问中断",
    "asterisk_restarted": "电话系统重启",
    "hangup_lost": "挂断记录缺失",
    "node_lost": "所在节点失联",
    "closed": "队列不在服务时间",
    "overload": "来电过多，直接排队",
    "last_agent": "优先转上次座席",
    "listened": "督导接入",
    "consulted": "征询",
    "recording_held": "录音留存",
    "recording_released": "录音解除留存",
    "recording_erased": "录音已删除",
}


def masked(event: str, detail: Mapping[str, str], *, secret_keys: bool = False) -> dict[str, str]:
    """A timeline entry's detail without personal data. ``secret_keys``: what was keyed, key by key, is."""
    found = {name: mask_text(value) if name in _WORDS else value for name, value in detail.items()}
    for name in _NUMBERS & found.keys():
        found[name] = mask_phone(detail[name])
    if event == "key" and secret_keys and "key" in found:
        found["key"] = "*"
    return found


_WORDS = frozenset({"text", "why"})
_NUMBERS = frozenset({"number", "digits"})


def told(event: str, detail: Mapping[str, str], names: Mapping[str, str] = NO_NAMES) -> str:
    """A timeline entry's detail in one line for people. ``names``: of queues, by id, of agents, by extension, and of
    units, as ``unit-ID``."""
    known = {name: names.get(value, value) if name in _NAMED else value for name, value in detail.items()}
    for name in _PARTIES & detail.keys():
        known[name] = " ".join(filter(None, [_who(detail[name]), names.get(detail[name])]))
    tell = _DETAILS.get(event, _plain)
    return tell(known)


_NAMED = frozenset({"queue", "to"})
_PARTIES = frozenset({"party", "agent"})


def _plain(detail: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in detail.items())


def _of(*names: str) -> Callable[[Mapping[str, str]], str]:
    """These, one after the other."""
    return lambda detail: " ".join(detail[name] for name in names if detail.get(name))


def _nothing(detail: Mapping[str, str]) -> str:
    return ""


def _arrived(detail: Mapping[str, str]) -> str:
    return " ".join(filter(None, [VIA.get(detail.get("via", ""), ""), detail.get("dialled", "")]))


def _notice(detail: Mapping[str, str]) -> str:
    return NOTICE.get(detail.get("played", ""), "未播放")


def _decided(detail: Mapping[str, str]) -> str:
    category = _CLASSES.get(detail.get("category", ""), "")
    kind, to = detail.get("kind", ""), detail.get("to", "")
    by = _DECIDED_BY.get(detail.get("by", ""), detail.get("by", ""))
    whole = " ".join(filter(None, [_KINDS.get(kind, kind), "" if to == kind else to, category]))
    return whole + (f"（{by}）" if by else "")


def _fallback(detail: Mapping[str, str]) -> str:
    return {"2": "备用菜单", "3": "直接转座席"}.get(detail.get("level", ""), "")


def _queued(detail: Mapping[str, str]) -> str:
    position = f"第 {detail['position']} 位" if detail.get("position") else ""
    return "，".join(filter(None, [detail.get("queue", ""), position]))


def _moved(detail: Mapping[str, str]) -> str:
    """From a queue to the next."""
    to = _KINDS.get(detail.get("to", ""), detail.get("to", ""))
    return f"{detail.get('queue', '')} → {to}"


def _no_answer(detail: Mapping[str, str]) -> str:
    ms = detail.get("ms", "")
    rang = f"振铃 {round(int(ms) / 1000)} 秒" if ms.isascii() and ms.isdigit() and len(ms) < 9 else ""
    return "，".join(filter(None, [detail.get("party", ""), rang]))


def _abandoned(detail: Mapping[str, str]) -> str:
    waited = f"等了 {detail['seconds']} 秒" if detail.get("seconds") else ""
    return "，".join(filter(None, [detail.get("queue", ""), waited]))


def _trunk(detail: Mapping[str, str]) -> str:
    return f"{detail.get('service', '')} 线路 {detail.get('trunk', '')} {detail.get('status', '')}"


def _outgoing(detail: Mapping[str, str]) -> str:
    return " ".join(detail[name] for name in ("agent", "unit", "ticket") if detail.get(name))


def _number(detail: Mapping[str, str]) -> str:
    return detail.get("digits", "") + _node(detail)


def _node(detail: Mapping[str, str]) -> str:
    return f"（{detail['node']}）" if detail.get("node") else ""


def _heard(detail: Mapping[str, str]) -> str:
    """“我家停水两天了” → 求助 water-supply 0.93，打断 120 毫秒，决定 450 毫秒（main，vosk）"""
    text = detail.get("text", "")
    parts = [text if text == SECRET else f"“{text}”"] if text else []
    parts += [_ENDS[detail["end"]]] if detail.get("end") in _ENDS else []
    if "class" in detail:
        named = [_CLASSES[detail["class"]] + detail.get("service", ""), detail.get("topic"), detail.get("score")]
        parts.append(" ".join(["→", *filter(None, named)]))
    parts += [{"yes": "答：是", "no": "答：不是"}[detail["answer"]]] if "answer" in detail else []
    told = " ".join(parts)
    times = [f"{word} {detail[name]} 毫秒" for name, word in _TIMES.items() if name in detail]
    where = "，".join(detail[name] for name in ("node", "engine") if name in detail)
    return "，".join(filter(None, [told, *times])) + (f"（{where}）" if where else "")


def _key(detail: Mapping[str, str]) -> str:
    barge = f"，打断 {detail['barge_ms']} 毫秒" if "barge_ms" in detail else ""
    return detail.get("key", "") + barge + _node(detail)


def _speech_off(detail: Mapping[str, str]) -> str:
    return _WHY_OFF.get(detail.get("why", ""), "")


def _progress(detail: Mapping[str, str]) -> str:
    return " ".join(filter(None, [_PROGRESS.get(detail.get("result", "")), detail.get("ticket")]))


def _answer(detail: Mapping[str, str]) -> str:
    """满意度：不满意（按键）"""
    question, value = detail.get("question", ""), detail.get("value", "")
    return f"{_QUESTIONS.get(question, question)}：{_VALUES.get(value, value)}" + _by(detail)


def _by(detail: Mapping[str, str]) -> str:
    return f"（{_BY[detail['by']]}）" if detail.get("by") in _BY else ""


def _comment(detail: Mapping[str, str]) -> str:
    return f"{detail.get('seconds', '?')} 秒 {detail.get('status', '')}"


def _broken(detail: Mapping[str, str]) -> str:
    return _WHY_BROKEN.get(detail.get("why", ""), "")


_PROGRESS = {"found": "已告知", "wrong": "不符", "limited": "次数已满", "unknown": "未能查询"}
_TIMES = {"barge_ms": "打断", "decide_ms": "决定"}
_QUESTIONS = {"solved": "是否已解决", "satisfaction": "满意度"}
_VALUES = {"yes": "是", "no": "否"} | {level.value: chinese(level) for level in Level}
_BY = {"key": "按键", "speech": "口述"}
_WHY_BROKEN = {"refused": "语音服务未运行", "cut": "语音服务中断", "frozen": "语音服务无响应"}


def _who(party: str) -> str:
    """``1001``, ``emergency-1``, ``outbound``, ``unit-gas`` → 座席 1001, 应急中心, 外线, 单位 gas"""
    if party.startswith("emergency-"):
        return "应急中心"
    if party == "outbound":
        return "外线"
    if party.startswith("unit-"):
        return "单位 " + party.removeprefix("unit-")
    return f"座席 {party}" if party.isdecimal() else party


def _hung_up(detail: Mapping[str, str]) -> str:
    by = detail.get("by", "")
    return _BY_WHOM.get(by) or by.replace("agent ", "座席 ")


def _transferred(detail: Mapping[str, str]) -> str:
    to = "、".join(_who(one) for one in detail.get("to", "").split())
    how = {"blind": "直接转接", "attended": "咨询后转接"}.get(detail.get("how", ""), "")
    return " ".join(filter(None, [_who(detail.get("by", "")), how, f"→ {to}" if to else ""]))


def _consulted(detail: Mapping[str, str]) -> str:
    to = detail.get("to", "")
    return to if to in EMERGENCY_NUMBERS else _who(to)


def _listened(detail: Mapping[str, str]) -> str:
    how = {"listen": "监听", "whisper": "耳语", "barge": "强插"}.get(detail.get("mode", ""), "")
    return " ".join(filter(None, [_who(detail.get("by", "")), how]))


_BY_WHOM = {"caller": "市民", "emergency": "应急中心", "system": "系统"}
VIA: Mapping[str, str] = {
    "public": "市民来电",
    "web": "网页电话",
    "emergency": "应急中心转来",
    "agent": "座席",
    "test": "测试",
    "callback": "回访",
    "outgoing": "座席呼出",
    "place": "排队回拨",
}
NOTICE: Mapping[str, str] = {"full": "完整", "interrupted": "被打断"}
_KINDS = {"queue": "转队列", "emergency": "转应急", "message": "留言", "end": "结束"}
_DECIDED_BY = {
    "key": "按键",
    "speech": "口述",
    "spoken": "口述",
    "unclear": "没有听清",
    "typed": "直接拨号",
    "silence": "没有按键",
    "wrong": "按键无效",
    "repeats": "重听太多",
    "barred": "限制来电",
    "maintenance": "维护",
    "cancelled": "主叫取消",
    "overload": "来电过多",
    "emergency_centre": "应急中心",
}
_DETAILS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "arrived": _arrived,
    "notice": _notice,
    "number": _number,
    "decided": _decided,
    "fallback": _fallback,
    "queued": _queued,
    "overflow": _moved,
    "closed": _moved,
    "overload": _nothing,
    "abandoned": _abandoned,
    "left_queue": _of("queue"),
    "emergency": _of("service"),
    "emergency_trunk": _trunk,
    "emergency_failed": _of("service"),
    "cancelled": _of("service"),
    "added": _of("service"),
    "message": _comment,
    "place": _of("queue", "number"),
    "outgoing": _outgoing,
    "called": _nothing,
    "asked": _nothing,
    "announced": _of("id"),
    "recording_off": _of("why"),
    "recording_held": _of("by", "why"),
    "recording_released": _of("by", "why"),
    "recording_erased": _of("by", "why"),
    "connected": _of("party"),
    "left": _of("party"),
    "rang": _of("party"),
    "no_answer": _no_answer,
    "last_agent": _of("party"),
    "hung_up": _hung_up,
    "transferred": _transferred,
    "listened": _listened,
    "consulted": _consulted,
    "heard": _heard,
    "key": _key,
    "speech_off": _speech_off,
    "progress": _progress,
    "answer": _answer,
    "opted_out": _by,
    "to_agent": _by,
    "comment": _comment,
    "broken": _broken,
}
