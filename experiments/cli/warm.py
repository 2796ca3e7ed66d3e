"""``crossbook warm``: compile the engine ahead of the first run, for images and CI."""

from __future__ import annotations

import time

import click

from experiments.cli.output import Output, output_option
from framework.engine.kernel_cache import cache_folder, kernels_on_disk, prune
from framework.engine.warm import warm_up


@click.command()
@output_option
def warm(output: Output) -> None:
    """Compile the engine's kernels, or load them, and delete those of former versions.

    Set CROSSBOOK_CACHE_DIR to keep kernels elsewhere; the newest two versions stay.
    """
    before = set(kernels_on_disk())
    began = time.perf_counter()
    with output.progress_console.status("compiling the engine"):
        warm_up()
    seconds = time.perf_counter() - began
    compiled = [name for name in kernels_on_disk() if name not in before]
    pruned = prune()
    for name in compiled:
        output.text(f"compiled: {name}")
    output.text(f"{len(compiled)} kernels compiled, ready after {seconds:.1f} s")
    output.text(f"cache: {cache_folder()}")
    for folder in pruned:
        output.text(f"deleted: {folder}")
    output.finish(
        {
            "cache": cache_folder(),
            "compiled": compiled,
            "kernels": kernels_on_disk(),
            "pruned": pruned,
            "seconds": seconds,
        }
    )
