"""Compile the engine ahead of the first run: ``python -m framework.engine.warm``.

Kernels are kept on disk, so this is worth doing once where an image is built, or in a process of
its own while something else is prepared.
"""

from __future__ import annotations

from framework.engine.compiling import warm_up, warm_up_aside

__all__ = ["warm_up", "warm_up_aside"]

if __name__ == "__main__":
    warm_up()
