"""The command line: one file a command."""

from experiments.cli.group import main

__all__ = ["main"]
