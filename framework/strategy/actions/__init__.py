"""The context of a compiled strategy: one kernel for each method of `Context`, same names.

They read and write the same memory as the Python class, so a strategy sees and does the same in
both modes. Where the Python class raises, a kernel marks the world as refused and the run stops
after the wake-up.
"""

from framework.strategy.actions import market, orders, store

MODULES = (market, orders, store)
"""Where the kernels are."""

ACTIONS = {
    name.removeprefix("ctx_"): function
    for module in MODULES
    for name, function in vars(module).items()
    if name.startswith("ctx_")
}
"""Kernels by the name of the `Context` member they stand for."""
