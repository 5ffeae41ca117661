"""What the other rooms refuse, as a problem."""

from __future__ import annotations

import logging

from callback.faults import CallbackFault
from calls.keeping import KeepingFault
from calls.recording_seal import Unreadable
from line.faults import LineFault
from people.faults import PeopleFault
from people.hashing import Busy
from people.secrets_box import BoxFault
from routing.seat import TelephoneFault
from tickets.book import Conflict, NotFound
from tickets.find import ShortWord
from tickets.move import Refused
from tickets.order import BadCursor
from tickets.permits import NotAllowed
from tickets.sealing import NoBox
from tickets.sign_off import NoSignOff
from web.api.problem import Fault, Problem, forbidden, invalid_values, not_found
from web.files import NoRoom

log = logging.getLogger(__name__)

_STATUS = {
    "user_unknown": 404,
    "token_unknown": 404,
    "user_exists": 409,
    "last_administrator": 409,
    "seated": 409,
    "seat_taken": 409,
}
_TELEPHONE_STATUS = {"no_telephone": 503, "no_such_seat": 422, "target": 422, "queue": 422, "reason": 422}
_CALLBACK_STATUS = {"no_campaign": 404, "campaign_name": 409, "campaign_state": 409, "campaign_over": 409}
_LINE_STATUS = {
    "unknown": 404,
    "already": 409,
    "full": 409,
    "ended": 409,
    "taken": 409,
    "no_ticket": 409,
    "no_voice": 503,
}


def problem_of(error: Exception) -> Problem | None:
    """None for what no room says on purpose: a fault."""
    match error:
        case PeopleFault():
            return Problem(_STATUS.get(error.code, 422), error.code, str(error))
        case TelephoneFault():
            return Problem(_TELEPHONE_STATUS.get(error.code, 409), error.code, f"{error}。")
        case CallbackFault():
            return Problem(_CALLBACK_STATUS.get(error.code, 422), error.code, str(error))
        case LineFault():
            return Problem(_LINE_STATUS.get(error.code, 422), error.code, str(error))
        case KeepingFault():
            return not_found() if error.code == "unknown" else Problem(409, error.code, f"{error}。")
        case Unreadable():
            log.error("%s", error)
            return Problem(503, "sound_unreadable", "录音无法读取：密钥不在密钥文件中，或文件已损坏。")
        case Busy():
            return Problem(503, "busy", "正在登录的人太多，请几秒后再试。", headers={"Retry-After": "5"})
        case Refused():
            return Problem(409, "refused", error.message, articles=list(error.articles))
        case NotAllowed():
            return not_found() if error.hidden else forbidden(error.message)
        case NotFound():
            return not_found()
        case NoSignOff():
            return Problem(409, "no_sign_off", f"{error}。")
        case Conflict():
            return Problem(412, "changed", f"{error}。请重新读取后再改。")
        case BadCursor():
            return invalid_values([Fault(place="query/after", detail=str(error))])
        case ShortWord():
            return invalid_values([Fault(place="query/text", detail=str(error))])
        case NoBox():
            return Problem(503, "no_key", str(error))
        case BoxFault():
            log.error("%s", error)
            return Problem(503, "no_key", "保密内容无法解开：密钥不在密钥文件中，或内容已损坏。")
        case NoRoom():
            return Problem(503, "no_room", "存储空间不足，暂不能保存附件。")
        case _:
            return None
