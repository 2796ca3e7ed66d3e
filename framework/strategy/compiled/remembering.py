"""What ``self.name`` becomes where the name is memory: an array at an address of the record."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from framework.strategy.memory import ArrayMemory, FeatureMemory, Memory

Refuse = Callable[[ast.AST, str, str], Exception]
_N_BOOKS: Final = "world[W.N_BOOKS]"


def address_field(name: str) -> str:
    """Name of the record's field with a memory's address."""
    return f"{name}__at"


def length_field(name: str) -> str:
    """Name of the record's field with the words of one of a memory."""
    return f"{name}__n"


def kernel_name(name: str, member: str) -> str:
    """Name of a feature's kernel in the module."""
    return f"feature_{name}_{member}"


class Rememberer:
    """Writes how compiled code reaches memory; notes which kernels of features it needs.

    Parameters
    ----------
    memories
        What the class declares, by name.
    refuse
        Makes the error for what cannot be done.
    """

    def __init__(self, memories: Mapping[str, Memory], refuse: Refuse) -> None:
        self._memories = memories
        self._refuse = refuse
        self.kernels: dict[str, Callable[..., object]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._memories

    def element(
        self, name: str, indices: list[ast.expr], ctx: ast.expr_context, node: ast.AST
    ) -> ast.expr:
        """Write ``self.name[indices]``, the indices being translated already."""
        memory = self._memories[name]
        if isinstance(memory, FeatureMemory):
            raise self._refuse(
                node, f"use the feature {name} as a value", f"call {self._members(memory)} on it"
            )
        is_table = memory.is_per_book and memory.size != 0
        if len(indices) > 1 + is_table:
            raise self._refuse(node, f"give {name} so many indices", "give one for each dimension")
        if is_table and len(indices) == 1:
            return self._row(name, indices[0])
        if isinstance(indices[-1], ast.Slice):
            if not isinstance(ctx, ast.Load):
                raise self._refuse(node, f"assign to a slice of {name}", "write the loop out")
            return ast.Subscript(self._whole(name, indices[:-1]), indices[-1], ctx)
        n = _N_BOOKS if memory.is_per_book and not is_table else f"me.{length_field(name)}"
        whole = self._whole(name, indices[:-1])
        return ast.Subscript(whole, _place(indices[-1], n), ctx)

    def whole(self, name: str, ctx: ast.expr_context, node: ast.AST) -> ast.expr:
        """Write bare ``self.name``."""
        memory = self._memories[name]
        if not isinstance(ctx, ast.Load):
            raise self._refuse(
                node, f"give {name} another value", f"change what it holds: self.{name}[i] = …"
            )
        if isinstance(memory, FeatureMemory):
            raise self._refuse(
                node, f"use the feature {name} as a value", f"call {self._members(memory)} on it"
            )
        if memory.is_per_book and memory.size != 0:
            raise self._refuse(node, f"use {name} as a whole", f"name the book: self.{name}[book]")
        return self._whole(name, [])

    def length(self, name: str, node: ast.AST) -> ast.expr:
        """Write ``len(self.name)``."""
        memory = self._memories[name]
        if memory.is_per_book:
            return _expression(_N_BOOKS)
        if isinstance(memory, FeatureMemory):
            raise self._refuse(node, f"take the length of {name}", "a feature has none")
        return _expression(f"me.{length_field(name)}")

    def member(
        self,
        name: str,
        book: ast.expr | None,
        member: str,
        arguments: list[ast.expr] | None,
        node: ast.AST,
    ) -> ast.expr:
        """Write ``self.name.member`` or, with arguments, ``self.name.member(…)``; by book, too."""
        memory = self._memories[name]
        if isinstance(memory, ArrayMemory):
            raise self._refuse(node, f"use {name}.{member}", "index the array, or take its len()")
        if (book is not None) != memory.is_per_book:
            form = f"self.{name}[book].{member}" if memory.is_per_book else f"self.{name}.{member}"
            raise self._refuse(node, f"reach {name} like this", f"write {form}")
        if member not in memory.kernels:
            raise self._refuse(
                node, f"use {name}.{member}", f"it has {self._members(memory)}; or run interpreted"
            )
        if memory.is_property(member) != (arguments is None):
            form = f"self.{name}.{member}" + ("" if memory.is_property(member) else "(…)")
            raise self._refuse(node, f"reach {name}.{member} like this", f"write {form}")
        called = kernel_name(name, member)
        self.kernels[called] = memory.kernels[member]
        state = self._row(name, book) if book is not None else self._whole(name, [])
        return ast.Call(ast.Name(called, ast.Load()), [state, *(arguments or [])], [])

    def _members(self, memory: FeatureMemory) -> str:
        return ", ".join(memory.kernels)

    def _whole(self, name: str, books: list[ast.expr]) -> ast.expr:
        if books:
            return self._row(name, books[0])
        memory = self._memories[name]
        by_book = memory.is_per_book
        n = _N_BOOKS if by_book else f"me.{length_field(name)}"
        return _expression(f"array_at(me.{address_field(name)}, {n}, {_kind(memory)})")

    def _row(self, name: str, book: ast.expr) -> ast.expr:
        n = f"me.{length_field(name)}"
        kind = _kind(self._memories[name])
        whole = _expression(f"array_at(me.{address_field(name)} + 8 * {n} * 0, {n}, {kind})")
        assert isinstance(whole, ast.Call)
        offset = whole.args[0]
        assert isinstance(offset, ast.BinOp)
        assert isinstance(offset.right, ast.BinOp)
        offset.right.right = _place(book, _N_BOOKS)
        return whole


def _place(index: ast.expr, n: str) -> ast.expr:
    return ast.Call(
        ast.Name("memory_place", ast.Load()), [_expression("world"), index, _expression(n)], []
    )


def _kind(memory: Memory) -> str:
    is_float = isinstance(memory, ArrayMemory) and memory.dtype is np.float64
    return "np.float64" if is_float else "np.int64"


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
