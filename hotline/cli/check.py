"""``hotline check``: every data file and the rendered Asterisk configuration, before anybody calls."""

from __future__ import annotations

import json

import click

from hotline.checks import Finding, run_checks
from hotline.settings import load_settings


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(as_json: bool) -> None:
    """校验数据文件和 Asterisk 配置. Exit code 1 if anything is wrong."""
    findings = list(run_checks(load_settings()))
    failed = [finding for finding in findings if not finding.ok]
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [f.__dict__ for f in findings]}, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if failed:
        raise SystemExit(1)


def _line(finding: Finding) -> str:
    mark = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
    return f"{mark} {finding.what}" + (f": {finding.detail}" if finding.detail else "")
