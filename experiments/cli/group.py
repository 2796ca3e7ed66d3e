"""The `crossbook` command: a group that imports a subcommand when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import click

from experiments.cli.output import Output

_EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells count it
_JSON_KEY: Final = "experiments.cli.json"

_COMMANDS: Final = {
    "calibrate": (
        "experiments.cli.calibrate:calibrate",
        "Measure models on data that knows the answer.",
    ),
    "capture": (
        "experiments.cli.capture:capture",
        "Hold an arbitrage run against the crosses there were.",
    ),
    "compare": (
        "experiments.cli.compare:compare_command",
        "Put runs side by side: settings, measures, curves, fills.",
    ),
    "defence": (
        "experiments.cli.defence:defence",
        "Measure what the defensive overlay spares.",
    ),
    "demo": ("experiments.cli.demo:demo", "Backtest both demo strategies on a generated market."),
    "drift": ("experiments.cli.drift:drift", "Test whether a model or the costs have drifted."),
    "ingest": ("experiments.cli.ingest:ingest", "Load vendor files into Delta tables."),
    "ladder": (
        "experiments.cli.ladder:ladder",
        "Run one spec under every queue model and latency.",
    ),
    "lag": ("experiments.cli.lag:lag", "Say what a lag of the state store costs."),
    "lookahead": (
        "experiments.cli.lookahead:lookahead",
        "Prove that a strategy does not look ahead.",
    ),
    "model": ("experiments.cli.model:model", "Train, test and choose models of volatility."),
    "planted": ("experiments.cli.planted:planted", "Generate a market whose truth is known."),
    "pretrade": (
        "experiments.cli.pretrade:pretrade",
        "Estimate the cost of an order before it is sent.",
    ),
    "regress": (
        "experiments.cli.regress:regress",
        "Compare golden runs with their committed baselines.",
    ),
    "rerun": ("experiments.cli.rerun:rerun_command", "Repeat a run from its record."),
    "run": ("experiments.cli.run:run", "Backtest one experiment spec."),
    "scan": ("experiments.cli.scan:scan_command", "Find crossed markets of all pairs and venues."),
    "shortfall": (
        "experiments.cli.shortfall:shortfall",
        "Measure parent orders against their arrival.",
    ),
    "sweep": ("experiments.cli.sweep:sweep_command", "Search a spec's parameters with Optuna."),
    "state": ("experiments.cli.state:state", "Fill a real MongoDB with a tape, and check it."),
    "strategies": (
        "experiments.cli.strategies:strategies",
        "Run every shipped spec and compare them.",
    ),
    "tables": ("experiments.cli.tables:tables", "List the lake's tables, or describe one."),
    "tca": ("experiments.cli.tca:tca", "Analyse the costs of a run, or of a desk's executions."),
    "verify": ("experiments.cli.verify:verify", "Rebuild a table's book and compare with truth."),
    "warm": ("experiments.cli.warm:warm", "Compile the engine ahead of the first run."),
}


class LazyGroup(click.Group):
    """A click group whose commands are named by ``module:attribute`` and imported on use.

    Parameters
    ----------
    lazy_commands
        Command name to import target and one-line help; ``--help`` of the group imports none.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        lazy_commands: Mapping[str, tuple[str, str]] | None = None,
        **options: object,
    ) -> None:
        super().__init__(name, **options)  # type: ignore[arg-type]
        self._lazy = dict(lazy_commands or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command in alphabetical order."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name; None where there is none."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a missing extra, say: an error as any other
            Output(json=bool(ctx.meta.get(_JSON_KEY))).fail_with(error)
        assert isinstance(command, click.Command), f"{module}:{attribute} is no click command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        rows = [(name, self._lazy[name][1]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether ``--json`` was asked for, so that usage errors can obey it."""
        ctx.meta[_JSON_KEY] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; end with 130 on an interrupt, and with JSON where it was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(_EXIT_INTERRUPTED)
        except click.UsageError as error:
            if not ctx.meta[_JSON_KEY]:
                raise
            Output(json=True).fail(error.format_message(), remedy="see --help")


@click.group(
    cls=LazyGroup,
    lazy_commands=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("crossbook"), prog_name="crossbook")
def main() -> None:
    """Backtest strategies that trade spreads across venues, on tables you can trust."""
