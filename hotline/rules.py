"""All rule files of the running city, read and checked together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hotline.settings import CHECKOUT
from ivr.flow import Flow, load_flows
from ivr.prompts import Prompts, load_prompts
from ivr.survey_file import Survey, load_surveys
from routing.queues import AgentBook, Queue, load_agents, load_queues

FLOWS = CHECKOUT / "ivr" / "flows"
SURVEYS = CHECKOUT / "ivr" / "surveys"
ROUTING = CHECKOUT / "routing"


@dataclass(frozen=True)
class Rules:
    prompts: Prompts
    queues: Mapping[str, Queue]
    agents: AgentBook
    flows: Mapping[str, Flow]
    """By dialled number."""
    surveys: Mapping[str, Survey]
    """By the name that a campaign calls it."""


def load_rules(flows: Path = FLOWS, routing: Path = ROUTING) -> Rules:
    """Raises :class:`datafile.DataFileError` for the first fault, with file and line."""
    prompts = load_prompts()
    queues = load_queues(routing / "queues.yaml")
    return Rules(
        prompts=prompts,
        queues=queues,
        agents=load_agents(routing / "agents.yaml", queues),
        flows=load_flows(flows, queues, prompts.ids),
        surveys=load_surveys(SURVEYS, queues, prompts.texts.prompts),
    )
