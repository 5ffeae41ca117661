"""Answers that citizens are owed, put into words and sent by the outlet of their channel. A job of the worker's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy.ext.asyncio import AsyncEngine

from callback.outgoing import where_to_ring
from calls.alerts import Alert, raise_alerts
from hotline.settings import Settings
from notify.file_outlet import FileOutlet
from notify.outbox import QUEUE, TASK, Owed, Sender
from notify.port import Notice, Outlet
from notify.webhook import Webhook
from tickets import book
from tickets.commands import Fulfil
from tickets.history import TicketEvent, events_of
from tickets.number import CHINA
from tickets.permits import ANSWER, CONFIDENTIAL, READ_ALL, Actor
from tickets.policy import Policy
from tickets.rulebook import Rulebook
from tickets.ticket import Ticket
from tickets.words import Obligation, State, chinese

log = logging.getLogger(__name__)

FILE = "notices.jsonl"
STALLED_SECONDS = 120.0
SURVEY = "survey"
"""The kind of a notice that asks whom no call reached. Its reference is the citizen's number."""
_ASKED = (State.COMPLETED, State.REVIEWED)
_SENDER = Actor("notices", frozenset({READ_ALL, CONFIDENTIAL, ANSWER}))


def outlets(settings: Settings) -> Callable[[str], Outlet]:
    """A channel without a webhook of its own is written to ``<home>/run/notices.jsonl``."""
    file = FileOutlet(settings.run_dir / FILE)
    hooks = {channel: Webhook(one.url, one.secret) for channel, one in settings.notify.webhooks.items()}
    return lambda channel: hooks.get(channel, file)


def sender(engine: AsyncEngine, rulebook: Callable[[], Rulebook], outlet: Callable[[str], Outlet]) -> Sender:
    async def compose(owed: Owed) -> Notice | None:
        async with engine.connect() as connection:
            ticket = main = await book.get(connection, rulebook(), owed.ticket, _SENDER)
            # What was merged is answered where it went on.
            while main.duplicate_of is not None:
                main = await book.get(connection, rulebook(), main.duplicate_of, _SENDER)
            secret = ticket.confidential or main.confidential
            if owed.kind == SURVEY:
                # Answered meanwhile, gone another way, or not to be spoken of to whoever reads it: nothing is asked.
                number = where_to_ring(ticket.contact, ticket.caller_e164)
                if secret or number is None or main.life.rating is not None or main.life.state not in _ASKED:
                    return None
                asked = survey_words(main, rulebook().policy(main.policy or rulebook().default))
                return Notice(str(owed.id), owed.channel, number, owed.ticket, owed.kind, asked, owed.at)
            events = [] if secret else await events_of(connection, rulebook(), main.number)
        text = words(owed, main, events, secret=secret)
        return Notice(str(owed.id), owed.channel, ticket.channel_ref, ticket.number, owed.kind, text, owed.at)

    async def told(owed: Owed) -> None:
        """告知诉求人 is done with it. Somebody may have done it already, or the ticket may have gone on."""
        if owed.kind == SURVEY:
            return
        try:
            async with engine.begin() as connection:
                ticket = await book.lock(connection, rulebook(), owed.ticket, _SENDER)
                if Obligation.NOTIFY_CITIZEN in ticket.life.obligations:
                    command = Fulfil(do="fulfil", obligation=Obligation.NOTIFY_CITIZEN)
                    await book.execute(connection, rulebook(), owed.ticket, command, _SENDER, datetime.now(UTC))
        except (book.Refused, book.NotAllowed) as error:
            log.info("notice %s: %s", owed.id, error)

    async def gave_up(owed: Owed, why: str) -> None:
        text = f"工单 {owed.ticket} 的答复未能送达（渠道 {owed.channel}）：{why}"
        async with engine.begin() as connection:
            await raise_alerts(connection, [Alert("notice_failed", str(owed.id), text, data={"ticket": owed.ticket})])

    return Sender(engine, compose, outlet, told, gave_up)


def survey_words(ticket: Ticket, policy: Policy) -> str:
    """Asks whom no call reached; how an answer comes back is the channel's matter."""
    levels = "、".join(chinese(level) for level in policy.rating.levels)
    return (
        f"您反映的诉求（工单号{ticket.number}）已办结，我们未能与您通话。请您评价：诉求是否已解决；"
        f"对办理结果是否满意（{levels}）。如需人工，请拨打12345。"
    )


def words(owed: Owed, ticket: Ticket, events: list[TicketEvent], *, secret: bool) -> str:
    """What the citizen reads. ``ticket`` and its events: where the matter went on. A confidential ticket's result is
    told to the one who asks, not sent about."""
    head = f"您反映的诉求（工单号{owed.ticket}）"
    if secret:
        return f"{head}有新的办理情况，请凭工单号拨打12345查询。"
    match owed.kind:
        case "declined":
            return f"{head}不予受理。{_last(events, owed.at, 'decline', 'reason')}"
        case "extended":
            until = f"，将于{ticket.due_at.astimezone(CHINA):%Y年%m月%d日}前办结" if ticket.due_at else ""
            return f"{head}经批准延期办理{until}。"
        case "written_result":
            return f"{head}的书面结果已出具。"
        case _:
            return f"{head}已办结。办理结果：{_last(events, owed.at, 'complete', 'result')}"


def _last(events: list[TicketEvent], until: datetime, kind: str, name: str) -> str:
    """What was written in the last event of that kind before the notice was owed: what came after it, such as the
    result of a rework, nobody has reviewed yet. (A command that waited for another may be written a moment later.)"""
    found = [event for event in events if event.kind == kind]
    told = [event for event in found if event.at <= until] or found[:1]
    return str(told[-1].words.get("command", {}).get(name, "")) if told else ""


def create_app(url: str, sender: Sender) -> App:
    """procrastinate's application for libpq's ``url``."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=2, timeout=10))

    @app.task(name=TASK, queue=QUEUE)
    async def send() -> None:
        await sender.sweep()

    # What failed comes up again by itself.
    @app.periodic(cron="* * * * *", periodic_id="notices")
    @app.task(name="notices:again", queue=QUEUE, queueing_lock="notices-again")
    async def again(timestamp: int) -> None:
        await sender.sweep()

    return app


async def work(app: App) -> None:
    """Until cancelled; raises what the database raises."""
    async with app.open_async():
        for job in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS):
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=1,
            fetch_job_polling_interval=5.0,
            install_signal_handlers=False,
            shutdown_graceful_timeout=5,
            delete_jobs=DeleteJobCondition.ALWAYS,
        )
