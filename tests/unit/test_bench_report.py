"""What the benchmark reads from SIPp, and what it says."""

from __future__ import annotations

import csv
import dataclasses
import json

from bench.key import AFTER_SECONDS, packets
from bench.load import read_statistics
from bench.report import Report, Run
from bench.step import Step, percentile

STEP = Step(
    kind="hotline",
    rate=80,
    seconds=60.0,
    calls=4980,
    failed=0,
    reached=80.0,
    peak=270,
    retransmissions=0,
    prompt_ms={"p50": 4.0, "p95": 38.0, "p99": 90.0},
    cpu_ms={"asterisk": 18.0, "asterisk's children": 0.0, "voice": 1.9, "worker": 2.5, "postgres": 0.8, "sipp": 0.9},
    cores=1.8,
    memory_mb={"asterisk": 200.0},
    log_lag=0.2,
    log_drained=0.3,
    recordings_behind=5.0,
    recordings_drained=6.0,
    rows={"calls": 4980, "tickets": 4980},
    failures=[],
)


def report() -> Report:
    runs = []
    for kind, rates in (("hotline", (76, 80, 84)), ("dialplan", (100, 95, 100)), ("process", (10, 12, 11))):
        runs += [Run(kind, rate, [dataclasses.replace(STEP, kind=kind, rate=rate)]) for rate in rates]
    return Report(60.0, runs, {"processor": "x"}, {"recording": "on"})


def test_medians_and_ratios() -> None:
    found = report()
    assert [found.median(kind) for kind in ("hotline", "dialplan", "process")] == [80, 100, 11]
    assert found.ratios() == {"dialplan": 0.8, "process": 7.27}


def test_the_page_names_every_step_and_json_is_complete() -> None:
    page = report().markdown()
    assert "| 3 | process | 11 | passed |" in page
    assert "76, 80, 84 | **80** | 38 ms | 270" in page
    assert "0.8 × dialplan" in page
    assert json.loads(json.dumps(report().as_json()))["runs"][0]["steps"][0]["passed"] is True


def test_a_run_without_a_passed_step_counts_as_nothing() -> None:
    failed = dataclasses.replace(STEP, failures=["first prompt p95 400 ms"])
    found = Report(60.0, [Run("hotline", 0, [failed])], {}, {})
    assert found.median("hotline") == 0
    assert "first prompt p95 400 ms" in found.markdown()


def test_sipp_statistics() -> None:
    text = (
        "TotalCallCreated;SuccessfulCall(C);CurrentCall;Retransmissions(C)\n"
        "0;0;0;0\n10;0;10;0\n20;5;15;1\n20;15;5;1\n20;19;0;2\n"
    )
    result = read_statistics(list(csv.DictReader(text.splitlines(), delimiter=";")), seconds=2.0)
    assert (result.calls, result.failed, result.rate, result.peak, result.retransmissions) == (20, 1, 10.0, 15, 2)


def test_a_load_that_took_too_long_shows_in_its_rate() -> None:
    rows = [
        {"TotalCallCreated": str(n * 5), "SuccessfulCall(C)": "20", "CurrentCall": "1", "Retransmissions(C)": "0"}
        for n in range(5)
    ]
    assert read_statistics(rows, seconds=2.0).rate < 7


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99)] == [50.0, 95.0, 99.0]
    assert percentile([], 0.95) == 0.0


def test_the_key_is_sent_as_rfc_4733_says() -> None:
    sent = list(packets())
    voice = [rtp for _, rtp in sent if rtp[1] & 0x7F == 8]
    events = [(at, rtp) for at, rtp in sent if rtp[1] & 0x7F == 101]
    assert len(voice) == 2
    assert all(len(rtp) == 172 for rtp in voice)
    assert events[0][1][1] & 0x80, "the first packet of an event has the marker"
    assert {rtp[4:8] for _, rtp in events} == {int(AFTER_SECONDS * 8000).to_bytes(4, "big")}
    assert [rtp[13] & 0x80 for _, rtp in events] == [0] * 5 + [0x80] * 3
    assert [int.from_bytes(rtp[2:4], "big") for _, rtp in sent] == list(range(len(sent)))
