"""The process-per-call IVR of the benchmark: what its dialplan runs for every call. pyst2 and nothing else."""

import io

from asterisk.agi import AGI

agi = AGI(stderr=io.StringIO())
key = agi.stream_file("greeting", "0123456789*#") or agi.wait_for_digit(5000)
if key == "2":
    agi.set_variable("DECISION", "queue:complaint:complaint:key")
