"""One call: its signalling, its script, and the events that tell about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phone.engine import Engine, Timer, reason
from phone.identity import asserted_user, request_method
from phone.keys import Press
from phone.media import CallMedia
from phone.pj import pj
from phone.script import CommandError, Script
from phone.wav import complete, seconds

DIGIT_MS = 100
"""Long enough for Asterisk's shortest digit (80 ms), leaving a 50 ms gap."""
FILE_SECONDS = 2.0
"""pjsip writes a recording's header on its own thread; wait at most this long for it."""


class Line(pj.Call):  # type: ignore[misc]  # pjsua2 is untyped
    """Made by :meth:`dial` or for an incoming INVITE; ``finished`` is called once, when nothing more will happen."""

    def __init__(
        self,
        engine: Engine,
        account: Any,
        name: str,
        script: Script,
        peer: str,
        finished: Callable[[Line], None],
        call_id: int | None = None,
    ) -> None:
        if call_id is None:
            super().__init__(account)
        else:
            super().__init__(account, call_id)
        self.name = name
        self.account_name: str = account.name
        self._engine = engine
        self._script = script
        self._finished = finished
        self._role = "caller" if call_id is None else "agent"
        self._known = {peer}
        self._identity = peer
        self._start = time.monotonic()
        self._media = CallMedia(engine)
        self._timers: list[Timer] = []
        self._answered = False
        self._left = False
        self._far_left = False
        self._over = False
        self._ringing = 0
        self._held = False
        self._code = 0

    # -- commands -----------------------------------------------------------------------------------------------

    def dial(self, destination: str, from_uri: str, headers: list[tuple[str, str]]) -> None:
        parameters = pj.CallOpParam(True)
        parameters.txOption.localUri = from_uri
        parameters.txOption.headers = _headers(headers)
        self._later(self._script.limit, self.hangup)
        self.makeCall(destination, parameters)

    def ring(self) -> None:
        """Follow the script of an incoming call up to its answer."""
        if self._script.ring:
            self.answer_with(180)
        if self._script.answer_after is not None:
            self._later(self._script.answer_after, lambda: self.answer_with(self._script.code))

    def answer_with(self, code: int) -> None:
        parameters = pj.CallOpParam(True)
        parameters.statusCode = code
        self._left = self._left or code >= 300
        self.answer(parameters)

    def hangup(self, code: int = 0) -> None:  # the name pjsua2 uses, with a plain argument
        """BYE, CANCEL or a rejection, whichever fits."""
        if self._over:
            return
        self._left = True
        parameters = pj.CallOpParam(True)
        parameters.statusCode = code
        self._media.close()
        super().hangup(parameters)

    def hold(self) -> None:
        self.setHold(pj.CallOpParam(True))

    def unhold(self) -> None:
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(parameters)

    def press(self, presses: tuple[Press, ...]) -> None:
        for key in presses:
            self._later(key.at, lambda digit=key.digit: self._digit(digit))  # type: ignore[misc]

    def say(self, path: Path, loop: bool) -> None:
        self._media.say(path, loop)

    def tone(self, hertz: float) -> None:
        self._media.tone(hertz)

    def record(self, path: Path) -> None:
        self._media.record(path)

    def stop_recording(self) -> None:
        self._media.stop_recording()

    # -- pjsua2 callbacks: must not raise -----------------------------------------------------------------------

    def onCallState(self, _: Any) -> None:
        self._safely(self._state)

    def onCallMediaState(self, _: Any) -> None:
        self._safely(self._media_state)

    def onCallTsxState(self, parameters: Any) -> None:
        self._safely(lambda: self._transaction(parameters.e.body.tsxState))

    # -- what they lead to --------------------------------------------------------------------------------------

    def _state(self) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self._answered:
            self._answered = True
            self._tell("answered", str(info.lastStatusCode or 200))
            self._begin()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self._over:
            self._over = True
            self._code = 200 if self._answered else info.lastStatusCode
            self._end()

    def _media_state(self) -> None:
        info = self.getInfo()  # owns what ``media`` points into
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (
                pj.PJSUA_CALL_MEDIA_ACTIVE,
                pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
            ):
                self._media.connect(self.getAudioMedia(index))
                self._note_hold(False)
                return
        self._media.connect(None)
        self._note_hold(any(media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD for media in info.media))

    def _note_hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._tell("held" if held else "resumed", None)

    def _transaction(self, change: Any) -> None:
        if change.type != pj.PJSIP_EVENT_RX_MSG:
            return
        message: str = change.src.rdata.wholeMsg
        transaction = change.tsx
        if request_method(message) == "BYE":
            self._far_left = True
        if transaction.method not in ("INVITE", "UPDATE"):
            return
        code = transaction.statusCode
        if request_method(message) is None and 180 <= code <= 183 and self._role == "caller" and code != self._ringing:
            self._ringing = code
            self._tell("ringing", str(code))
        user = asserted_user(message)
        if user and user != self._identity:
            self._identity = user
            if user not in self._known:
                self._tell("connected", user)

    def _begin(self) -> None:
        for timer in self._timers:
            timer.cancel()
        script = self._script
        if script.record is not None:
            self.record(script.record)
        if script.say is not None:
            self.say(script.say, script.loop)
        elif script.tone:
            self.tone(script.tone)
        self.press(script.keys)
        if script.seconds is not None:
            self._later(script.seconds, self.hangup)

    def _digit(self, digit: str) -> None:
        parameters = pj.CallSendDtmfParam()
        parameters.method = pj.PJSUA_DTMF_METHOD_RFC2833
        parameters.duration = DIGIT_MS
        parameters.digits = digit
        self.sendDtmf(parameters)
        self._tell("key", digit)

    def _end(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._media.close()
        by = self._hung_up_by()
        if self._answered or (by is not None and self._role == "agent"):
            self._tell("hangup", by)
        else:
            self._tell("failed", str(self._code))
        self._report(by, time.monotonic() + FILE_SECONDS)

    def _hung_up_by(self) -> str | None:
        if self._left and not self._far_left:
            return self._role
        if self._far_left or (self._role == "agent" and self._code == 487):
            return "system"
        return None

    def _report(self, by: str | None, deadline: float) -> None:
        """The last event of the call, once its recording is complete."""
        path = self._media.recording
        if path is not None and not complete(path) and time.monotonic() < deadline:
            self._engine.later(0.02, lambda: self._report(by, deadline))
            return
        recorded = None if path is None else round(seconds(path), 3)
        result = {"answered": self._answered, "hangup_by": by, "sip_code": self._code, "recorded_seconds": recorded}
        self._tell("ended", None, **result)
        self._engine.later(0, lambda: self._finished(self))

    def _tell(self, event: str, detail: str | None, **more: Any) -> None:
        since = round(time.monotonic() - self._start, 3)
        self._engine.emit(event, account=self.account_name, call=self.name, t=since, detail=detail, **more)

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        self._timers.append(self._engine.later(delay, lambda: self._safely(action)))

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        except pj.Error as error:
            self._tell("error", reason(error))
        except CommandError as error:
            self._tell("error", str(error))
        except OSError:
            raise
        except Exception as error:  # an exception must not travel through C++
            self._tell("error", repr(error))


def _headers(pairs: list[tuple[str, str]]) -> Any:
    headers = pj.SipHeaderVector()
    for name, value in pairs:
        header = pj.SipHeader()
        header.hName = name
        header.hValue = value
        headers.append(header)
    return headers
