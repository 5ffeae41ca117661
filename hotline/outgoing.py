"""Rings an agent's telephone and, once it is answered, a citizen or a unit about a ticket (``[outgoing]`` of the
dialplan)."""

from __future__ import annotations

import logging

from callback.outgoing import NewOutgoing
from hotline.ami import OUTBOUND, open_ami
from hotline.settings import Settings
from routing.ami import AmiError, AmiLost, AmiTimeout
from routing.live import channels, is_reachable
from routing.number import NotDialable, dialable

log = logging.getLogger(__name__)

AGENT_SECONDS = 20.0
"""How long the agent's own telephone rings."""


async def ring(settings: Settings, call: NewOutgoing) -> str:
    """Asks Asterisk once. Returns why the agent was not reached, in Chinese; empty: the other telephone is being
    rung."""
    own = settings.callback
    try:
        dialled = dialable(call.number, own.area_code, own.prefix)
        async with open_ami(settings) as ami:
            # Call waiting would ring into the conversation.
            if any(row.channel.startswith(f"PJSIP/{call.extension}-") for row in await channels(ami)):
                return f"分机 {call.extension} 正在通话，未拨出"
            # Or the agent would answer a call that can only end.
            if not await is_reachable(ami, OUTBOUND):
                return "外线没有应答，暂时拨不出去，未拨出"
            answer = await ami.originate(
                f"PJSIP/{call.extension}",
                channel_id=call.call_id,
                context="outgoing",
                exten="citizen",
                # What the agent's telephone shows while it rings.
                caller_id=dialable(call.number, own.area_code),
                ring_seconds=AGENT_SECONDS,
                variables={
                    "OUT_NUMBER": call.number,
                    "OUT_DIALLED": dialled,
                    "OUT_AGENT": call.extension,
                    "OUT_TICKET": call.ticket,
                    "OUT_UNIT": call.unit,
                },
            )
    except NotDialable as error:
        log.warning("%s: %s", call.call_id, error)
        return "这个号码不能拨打"
    except (AmiLost, AmiTimeout) as error:
        log.warning("%s: %s", call.call_id, error)
        return "不知道是否已经拨出，请先看话机和通话记录，不要立即重拨"
    except AmiError as error:
        log.warning("%s: %s", call.call_id, error)
        return "电话系统没有应答，未拨出"
    if answer.get("Response") != "Success":
        return f"分机 {call.extension} 没有接听、占线或未注册，未拨出"
    return ""
