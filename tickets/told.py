"""What stands in a ticket's history, in words that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMMANDS: Mapping[str, str] = {
    "accept": "受理",
    "decline": "不予受理",
    "approve_dispatch": "转办前审核",
    "dispatch": "转办",
    "forward": "县区转办",
    "view": "查阅",
    "contact": "联系诉求人",
    "decide_report": "决定是否受理举报",
    "report_major": "重大事项上报",
    "notify_urgent": "突发事项通知",
    "arrive": "到场",
    "return": "申请退单",
    "decide_return": "审核退单",
    "extend": "申请延期",
    "decide_extension": "审核延期",
    "explain": "说明逾期原因",
    "complete": "办结",
    "review": "审核",
    "rate": "评价",
    "unsolved": "反映未解决",
    "ask_callback": "要求人工回访",
    "end_callback": "结束回访",
    "repeat": "重复反映",
    "supervise": "督办",
    "ask_written_result": "要求书面结果",
    "deliver_written_result": "出具书面结果",
    "archive": "归档",
    "fulfil": "完成待办",
}
"""Every command. Sample cities are written in these words."""

_OTHERS: Mapping[str, str] = {
    "received": "登记",
    "edited": "更正",
    "split": "多事项拆分",
    "merged": "并单",
    "recounted": "时限重算",
    "drafted": "通话草稿",
    "callback_asked": "回访：询问",
    "callback_reached": "回访：接通",
    "callback_answered": "回访：答复",
    "callback_unreached": "回访：未接通",
    "called": "座席致电",
    "sign_sent": "送签",
    "sign_sent_back": "签批退回修改",
    "sign_withdrawn": "撤回送签",
}


def event_name(kind: str, data: Mapping[str, Any]) -> str:
    """What the clock did says so itself."""
    if kind == "called" and data.get("unit"):
        return "座席致电单位"
    if kind == "sign_sent" and data.get("do") in COMMANDS:
        return f"送签：{COMMANDS[data['do']]}"
    return COMMANDS.get(kind) or _OTHERS.get(kind) or str(data.get("text") or kind)
