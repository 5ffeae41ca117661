"""A SIP identity: bound to one local address, registered or not, taking calls or only making them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from phone.engine import Engine
from phone.pj import pj
from phone.script import Script


@dataclass(frozen=True)
class Identity:
    name: str
    uri: str
    registrar: str = ""
    """SIP URI of the registrar; empty: not registered."""
    user: str = ""
    password: str = ""
    bind: str = "127.0.0.1"
    port: int = 0
    calls: int = 1
    """Incoming calls taken at the same time; more are told 486 Busy Here."""
    again: bool = False
    """A copy of an account that was announced before: no ``ready``, no ``closed``."""


class Account(pj.Account):  # type: ignore[misc]  # pjsua2 is untyped
    def __init__(
        self, engine: Engine, identity: Identity, script: Script, incoming: Callable[[Account, int, str], None]
    ) -> None:
        super().__init__()
        self.name = identity.name
        self.identity = identity
        self.script = script
        self.taken = 0
        """Incoming calls so far."""
        self.registered = False
        self._engine = engine
        self._incoming = incoming

    def open(self) -> None:
        transport = self._engine.transport(self.identity.bind, self.identity.port)
        self.create(_config(self.identity, transport))
        if not self.identity.registrar and not self.identity.again:
            self._engine.emit("ready", account=self.name)

    def onRegState(self, parameters: Any) -> None:
        try:
            if parameters.code // 100 != 2:
                self.registered = False
                self._engine.emit("register_failed", account=self.name, detail=str(parameters.code))
                return
            self.registered = parameters.expiration > 0
            self._engine.emit("registered" if self.registered else "unregistered", account=self.name)
        except OSError:
            return  # the reader went away; the main loop notices by itself

    def onIncomingCall(self, parameters: Any) -> None:
        try:
            self._incoming(self, parameters.callId, parameters.rdata.wholeMsg)
        except Exception as error:  # an exception must not travel through C++
            self._engine.emit("error", account=self.name, detail=repr(error))


def _config(identity: Identity, transport: int) -> Any:
    config = pj.AccountConfig()
    config.idUri = identity.uri
    config.sipConfig.transportId = transport
    if identity.registrar:
        config.regConfig.registrarUri = identity.registrar
        config.regConfig.timeoutSec = 120
        config.regConfig.retryIntervalSec = 2
        config.regConfig.firstRetryIntervalSec = 1
    if identity.user:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", identity.user, 0, identity.password))
    config.mediaConfig.transportConfig.boundAddress = identity.bind
    config.mediaConfig.transportConfig.port = 0
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED
    config.natConfig.sipStunUse = config.natConfig.mediaStunUse = pj.PJSUA_STUN_USE_DISABLED
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = 0
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0
    config.natConfig.udpKaIntervalSec = 0
    return config
