"""Strategies compiled to machine code: the same class, the same journal, no cost per wake-up."""

from framework.strategy.compiled.build import CompiledStrategy, compile_strategy

__all__ = ["CompiledStrategy", "compile_strategy"]
