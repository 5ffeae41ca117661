"""The telephone's socket knows the staff by their session: an office behind one address has more telephones than
strangers may open sockets (``web/sip_socket.py``)."""

from __future__ import annotations

from people.roles import Role
from tests.asterisk.instance import Instance
from tests.browser.conftest import Somebody
from tests.browser.pages import employed, enter

STRANGERS = 10
SOCKETS = """() => Promise.all([...Array(14)].map(() => new Promise((done) => {
  const socket = new WebSocket(`ws://${location.host}/ws`, 'sip')
  socket.onopen = () => done(1)
  socket.onerror = () => done(0)
}))).then((opened) => opened.reduce((sum, one) => sum + one))"""


async def test_staff_open_more_sockets_than_strangers(hotline: Instance, somebody: Somebody) -> None:
    stranger = await somebody("/")
    assert 0 < await stranger.run(SOCKETS) <= STRANGERS
    stranger.window.complaints.clear()  # those that were refused
    person = await employed(hotline, "many-sockets", Role.AGENT)
    tab = await enter((await somebody("/desk/sign-in")).window, person, "/desk/agent")
    assert await tab.run(SOCKETS) == 14
