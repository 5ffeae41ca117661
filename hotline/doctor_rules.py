"""Rule files, calendar, prompts, models, time zone: what the parts are given to work with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from datafile import DataFileError
from hotline.checks import check_policies
from hotline.doctor import Finding, error, ok, warning
from hotline.rules import load_rules
from hotline.settings import Settings
from ivr.prompts import check as check_prompts
from speech import models
from speech.catalogue import VOSK_CN, WHISPER_BASE
from speech.port import EngineError
from tickets.calendar import load_working_days
from tickets.number import CHINA
from tickets.policy_file import policy_names

NOTICE_DUE = (12, 10)
"""Month and day by which the notice of the coming year has been published (the State Council's, in November)."""


def policies(settings: Settings) -> Iterator[Finding]:
    wrong = [one for one in check_policies() if not one.ok]
    for one in wrong:
        yield error("policies", f"{one.what}: {one.detail}", "改正该文件 mend the file (hotline policy check)")
    if settings.policy not in policy_names():
        yield error("policies", f"没有规定 no policy {settings.policy!r}", "设置 policy: see `hotline policy list`")
    elif not wrong:
        yield ok("policies", f"规定文件有效 policy files are valid; 默认 default: {settings.policy}")


def rule_files(settings: Settings) -> Iterator[Finding]:
    try:
        rules = load_rules()
    except DataFileError as fault:
        yield error("rules", f"规则文件有误 a rule file is wrong: {fault}", "改正后执行 mend it, then `hotline check`")
        return
    agents = len(rules.agents.agents)
    yield ok("rules", f"{len(rules.flows)} 流程 flows, {len(rules.queues)} 队列 queues, {agents} 座席 agents")


def prompts(settings: Settings) -> Iterator[Finding]:
    faults = check_prompts()
    for fault in faults[:5]:
        yield error("prompts", f"提示音 {fault}", "`hotline prompts build`")
    if not faults:
        yield ok("prompts", "提示音齐全 prompts are complete")


def holidays(settings: Settings) -> Iterator[Finding]:
    yield from holidays_on(datetime.now(CHINA).date())


def holidays_on(today: date) -> Iterator[Finding]:
    remedy = "把国务院办公厅通知写入 write the State Council's notice into tickets/holidays/YEAR.yaml"
    try:
        days = load_working_days()
    except DataFileError as fault:
        yield error("holidays", f"放假安排文件有误: {fault}", "改正该文件 mend the file")
        return
    coming = today.year + 1
    if not days.knows(today.year):
        yield error("holidays", f"{today.year} 年放假安排未知 is not known: 时限按推算 limits are guesses", remedy)
    elif not days.knows(coming):
        late = (today.month, today.day) >= NOTICE_DUE
        words = f"{coming} 年放假安排尚未录入 is not loaded yet"
        yield error("holidays", words, remedy) if late else warning("holidays", words, remedy)
    else:
        yield ok("holidays", f"放假安排已录入 loaded: {today.year}, {coming}")


def speech_models(settings: Settings) -> Iterator[Finding]:
    wanted = {"vosk": [VOSK_CN], "whisper": [WHISPER_BASE], "auto": [VOSK_CN, WHISPER_BASE], "none": []}
    listening = wanted[settings.speech.engine]
    there = []
    for model in dict.fromkeys([*listening, *([WHISPER_BASE] if settings.speech.transcripts else [])]):
        try:
            models.usable(settings.models_dir, model)
            there.append(model)
        except EngineError:
            continue
    remedy = "`hotline models fetch`"
    if listening and not any(model in there for model in listening):
        yield warning("models", "没有语音识别模型，只能按键 no model to listen with: keys only", remedy)
    if settings.speech.transcripts and WHISPER_BASE not in there:
        yield warning("models", "没有转写模型，录音不转写 no model to write calls down with", remedy)
    if not there and not listening and not settings.speech.transcripts:
        yield ok("models", "语音功能已关闭 speech is switched off")
    elif there:
        yield ok("models", f"模型 models: {', '.join(model.name for model in there)}")


def time_zone(settings: Settings) -> Iterator[Finding]:
    """Limits and working days are counted in China's time, whatever the machine's own zone is."""
    try:
        offset = datetime.now(ZoneInfo("Asia/Shanghai")).utcoffset()
    except ZoneInfoNotFoundError:
        yield error("time-zone", "没有时区数据 no data of the time zone Asia/Shanghai", "`make run` (tzdata)")
        return
    if offset != timedelta(hours=8):
        yield error("time-zone", f"时区数据有误 Asia/Shanghai is {offset}", "重装 tzdata; unset PYTHONTZPATH")
    else:
        yield ok("time-zone", f"时区 Asia/Shanghai; 本机 this machine: {datetime.now().astimezone():%Z %z}")


CHECKS = (policies, rule_files, prompts, holidays, speech_models, time_zone)
