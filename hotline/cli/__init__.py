"""``hotline``: one command per file in this folder, loaded only when used."""

from __future__ import annotations

import importlib
import pkgutil

import click

from hotline.settings import SettingsError


class VerbGroup(click.Group):
    """Finds ``hotline/cli/<verb>.py`` (``agent-phone`` is ``agent_phone.py``); each defines ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        verb = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").command
        assert isinstance(verb, click.Command)
        return verb

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hotline")
def main() -> None:
    """12345 政务服务便民热线 — the citizen hotline: telephone and case handling.

    Settings: <home>/settings.toml or HOTLINE_* variables; <home> is HOTLINE_HOME or var/ in the checkout.
    """
