"""``python -m phone serve`` and ``python -m phone call``; events are JSON lines on standard output."""

from __future__ import annotations

import argparse
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(prog="phone", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    serving = verbs.add_parser("serve", help="take JSON commands on standard input, many calls at once")
    call = verbs.add_parser("call", help="make one call")
    worker = verbs.add_parser("worker", help="serve, within the limits of one pjsua2 process")
    for parsed in (serving, worker, call):
        parsed.add_argument("--verbose", action="store_true", help="pjsip's own log on standard error")
    call.add_argument("to", help="SIP URI, such as sip:12345@127.0.0.1:5060")
    call.add_argument("--from", dest="from_user", default="anonymous", help="user part of From")
    call.add_argument("--bind", default="127.0.0.1", help="local address")
    call.add_argument("--keys", default="", help='digits, or for instance "w2,1,w1,0"')
    call.add_argument("--say", help="WAV file played from answer")
    call.add_argument("--tone", type=float, default=0.0, help="Hz, played from answer")
    call.add_argument("--record", help="WAV file of what is heard")
    call.add_argument("--for", type=float, help="seconds from answer")
    call.add_argument("--limit", type=float, default=60.0, help="seconds to wait for an answer")
    options = vars(parser.parse_args())
    verb, verbose = options.pop("verb"), options.pop("verbose")
    first: list[dict[str, Any]] = []
    if verb == "call":
        bind = options.pop("bind")
        first = [
            {"cmd": "account", "account": "me", "uri": f"sip:phone@{bind}", "bind": bind},
            {"cmd": "call", "account": "me", "call": "1", **options},
        ]

    if verb == "serve":
        from phone.serve import serve_commands

        serve_commands(verbose)
        return

    from phone.worker import run  # pjsua2 starts only once the arguments are known to be right

    run(first, verbose, until_idle=verb == "call")


if __name__ == "__main__":
    main()
