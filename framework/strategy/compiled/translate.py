"""From a strategy's methods to plain functions that numba can compile.

A handler ``def on_timer(self, ctx)`` becomes a function of the world and of a record that holds
the strategy's parameters and notes: ``self.size`` turns into a field of the record, ``ctx.buy(…)``
into a call of the kernel of that name, ``self.quote(ctx, …)`` into a call of the translated method.
Everything else is kept as written, so both modes run the same arithmetic.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import cast

from framework.core.errors import StrategyError
from framework.strategy.compiled.remembering import Rememberer
from framework.strategy.memory import Memory

ALLOWED_CALLS = frozenset({"abs", "min", "max", "int", "float", "bool", "range", "round"})
_REFUSED: Mapping[type[ast.AST], str] = {
    ast.Try: "catch nothing: let the run stop where something is wrong",
    ast.Raise: "raise nothing: return instead, or run the class interpreted",
    ast.With: "use no context managers in a handler",
    ast.Lambda: "write the expression out, or as a method",
    ast.FunctionDef: "make the inner function a method",
    ast.ClassDef: "define classes outside the handler",
    ast.Yield: "return instead",
    ast.YieldFrom: "return instead",
    ast.Await: "handlers are not asynchronous",
    ast.List: "keep numbers in attributes of the class; a compiled strategy has no lists",
    ast.Dict: "keep numbers in attributes of the class; a compiled strategy has no dictionaries",
    ast.Set: "keep numbers in attributes of the class; a compiled strategy has no sets",
    ast.ListComp: "write the loop out",
    ast.DictComp: "write the loop out",
    ast.SetComp: "write the loop out",
    ast.GeneratorExp: "write the loop out",
    ast.JoinedStr: "a compiled strategy has no text",
    ast.Import: "import at the top of the file",
    ast.ImportFrom: "import at the top of the file",
    ast.Global: "keep notes in attributes of the class",
    ast.Nonlocal: "keep notes in attributes of the class",
    ast.Delete: "set a number instead",
    ast.Assert: "return instead",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A class's source: where it stands and its methods as syntax trees with true line numbers.

    ``known`` is what each method knows of the file it stands in: a class may inherit from others'.
    """

    name: str
    file: str
    methods: dict[str, ast.FunctionDef]
    known: dict[str, dict[str, object]]

    def error(self, line: int, found: str, remedy: str) -> StrategyError:
        """Say what a line may not do in a compiled strategy."""
        text = linecache.getline(self.file, line).strip()
        return StrategyError(
            f"{self.file}, line {line}: a compiled strategy may not {found}\n    {text}",
            remedy=remedy,
        )


def read_source(owner: type, base: type) -> Source:
    """Read the methods a strategy class defines or inherits, up to a base class.

    Methods are found by the file and line of their code, which holds for notebook cells too.

    Raises
    ------
    StrategyError
        Where the source is not to be had: a class typed at a bare prompt has none.
    """
    methods: dict[str, ast.FunctionDef] = {}
    known: dict[str, dict[str, object]] = {}
    file = "<unknown>"
    for part in reversed(owner.__mro__):
        if part is base or not issubclass(part, base):
            continue
        for name, function in vars(part).items():
            if isinstance(function, FunctionType):
                file = function.__code__.co_filename
                methods[name] = _definition(function, owner.__name__)
                known[name] = function.__globals__
    return Source(owner.__name__, file, methods, known)


def _definition(function: FunctionType, owner: str) -> ast.FunctionDef:
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.lineno == line:
            return node
    raise StrategyError(
        f"the source of {owner}.{function.__name__} must be readable to compile it",
        remedy="define the class in a file or in a notebook cell, without decorators on methods",
    )


class Translator(ast.NodeTransformer):
    """Rewrite one method; collects which other methods and which globals it needs.

    Parameters
    ----------
    source
        The class it belongs to.
    fields
        Names of parameters and notes: what ``self.name`` may mean.
    actions
        Names of the context's kernels.
    memories
        Arrays and features that the class declares.
    """

    def __init__(
        self,
        source: Source,
        fields: frozenset[str],
        actions: frozenset[str],
        memories: Mapping[str, Memory],
    ) -> None:
        self._source = source
        self._fields = fields
        self._actions = actions
        self.memory = Rememberer(memories, self._refuse)
        self._locals: set[str] = set()
        self._self = self._ctx = ""
        self.methods: set[str] = set()
        self.globals: dict[str, int] = {}  # name to the first line that uses it

    def translate(self, method: ast.FunctionDef) -> ast.FunctionDef:
        """Return the method as a function ``_Class_method(world, me, …)``."""
        names = [argument.arg for argument in method.args.args]
        if len(names) < 2 or method.args.vararg or method.args.kwonlyargs or method.args.kwarg:
            raise self._source.error(
                method.lineno,
                f"have a method {method.name} without (self, ctx, …) as its first arguments",
                "give every method that a handler calls self and ctx, then plain arguments",
            )
        self._self, self._ctx = names[0], names[1]
        self._locals = {*names[2:], *_assigned(method)}
        body = method.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        done = [cast("ast.stmt", self.visit(statement)) for statement in body]
        arguments = ["world", "me", *names[2:]]
        # Python 3.12 wants the field type_params, 3.11 does not know it: set it either way.
        function = ast.FunctionDef(
            name=function_name(method.name),
            args=ast.arguments(
                posonlyargs=[],
                args=[ast.arg(name) for name in arguments],
                kwonlyargs=[],
                kw_defaults=[],
                defaults=method.args.defaults,
            ),
            body=done or [ast.Pass()],
            decorator_list=[ast.Name("kernel", ast.Load())],
        )
        function.type_params = []  # type: ignore[attr-defined]
        return ast.fix_missing_locations(ast.copy_location(function, method))

    def visit(self, node: ast.AST) -> ast.AST:
        """Refuse what the subset does not have, rewrite what it has."""
        remedy = _REFUSED.get(type(node))
        if remedy is not None:
            raise self._refuse(node, f"use {_plain(node)} here", remedy)
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
            raise self._refuse(node, f"use {node.value!r}", "use numbers, e.g. 0 or -1 for none")
        return cast("ast.AST", super().visit(node))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Drop the annotation of a local variable."""
        if node.value is None:
            raise self._refuse(node, "declare without a value", "assign a number")
        plain = ast.Assign([self._value(node.target)], self._value(node.value))
        return ast.copy_location(plain, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Turn ``self.name`` into a field, ``ctx.name`` into a kernel's value."""
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id == self._self:
            if node.attr in self.memory:
                return _at(self.memory.whole(node.attr, node.ctx, node), node)
            if node.attr not in self._fields:
                raise self._refuse(
                    node,
                    f"use self.{node.attr}, which the class does not declare",
                    f"declare it in the class body with its first value: {node.attr}: int = 0",
                )
            return _at(ast.Attribute(ast.Name("me", ast.Load()), node.attr, node.ctx), node)
        if isinstance(owner, ast.Name) and owner.id == self._ctx:
            return _at(ast.Call(self._action(node), [_world()], []), node)
        reached = self._reached(owner)
        if reached:
            return _at(self.memory.member(*reached, node.attr, None, node), node)
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Turn ``self.name[i]`` into an element of its memory."""
        indices: list[ast.expr] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Subscript):
            index = inner.slice
            indices = [*(index.elts if isinstance(index, ast.Tuple) else [index]), *indices]
            inner = inner.value
        if not isinstance(inner, ast.Attribute) or not self._is_memory(inner):
            return self.generic_visit(node)
        places = [self._value(index) for index in indices]
        return _at(self.memory.element(inner.attr, places, node.ctx, node), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Turn calls of the context and of the class's methods into calls of functions."""
        target = node.func
        if isinstance(target, ast.Name) and target.id == "len" and "len" not in self._locals:
            return _at(self._length(node), node)
        arguments = [self._value(argument) for argument in node.args if not self._is_ctx(argument)]
        keywords = [ast.keyword(word.arg, self._value(word.value)) for word in node.keywords]
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            if target.value.id == self._ctx:
                call = ast.Call(self._action(target), [_world(), *arguments], keywords)
                return _at(call, node)
            if target.value.id == self._self:
                if target.attr not in self._source.methods:
                    raise self._refuse(
                        node, f"call self.{target.attr}", "call methods of the class itself"
                    )
                self.methods.add(target.attr)
                name = ast.Name(function_name(target.attr), ast.Load())
                me = ast.Name("me", ast.Load())
                return _at(ast.Call(name, [_world(), me, *arguments], keywords), node)
        if isinstance(target, ast.Attribute):
            reached = self._reached(target.value)
            if reached:
                if keywords:
                    raise self._refuse(
                        node, "name the arguments of a feature", "give them in their order"
                    )
                return _at(self.memory.member(*reached, target.attr, arguments, node), node)
        return _at(ast.Call(self._value(target), arguments, keywords), node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Note which names come from outside."""
        if node.id in (self._self, self._ctx):
            raise self._refuse(
                node,
                f"hand {node.id} on as a value",
                f"use {node.id}.name, or pass it to a method of the class",
            )
        if node.id not in self._locals and node.id not in ALLOWED_CALLS:
            self.globals.setdefault(node.id, node.lineno)
        return node

    def _reached(self, owner: ast.expr) -> tuple[str, ast.expr | None] | None:
        """Name and book of the memory that an expression reaches as a whole; None for others."""
        if isinstance(owner, ast.Attribute) and self._is_memory(owner):
            return owner.attr, None
        of = owner.value if isinstance(owner, ast.Subscript) else None
        if isinstance(owner, ast.Subscript) and isinstance(of, ast.Attribute):
            return (of.attr, self._value(owner.slice)) if self._is_memory(of) else None
        return None

    def _is_memory(self, node: ast.Attribute) -> bool:
        is_mine = isinstance(node.value, ast.Name) and node.value.id == self._self
        return is_mine and node.attr in self.memory

    def _length(self, node: ast.Call) -> ast.expr:
        of = node.args[0] if len(node.args) == 1 else node
        if not isinstance(of, ast.Attribute) or not self._is_memory(of):
            raise self._refuse(node, "take this length", "len() is for memory of the class")
        return self.memory.length(of.attr, node)

    def _value(self, node: ast.expr) -> ast.expr:
        return cast("ast.expr", self.visit(node))

    def _action(self, node: ast.Attribute) -> ast.Name:
        if node.attr not in self._actions:
            raise self._refuse(
                node,
                f"use ctx.{node.attr}",
                "look up what you need in on_start, which is never compiled",
            )
        return ast.Name(f"ctx_{node.attr}", ast.Load())

    def _is_ctx(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._ctx

    def _refuse(self, node: ast.AST, found: str, remedy: str) -> StrategyError:
        return self._source.error(getattr(node, "lineno", 0), found, remedy)


def function_name(method: str) -> str:
    """Name of the function a method becomes."""
    return f"method_{method}"


def _assigned(method: ast.FunctionDef) -> set[str]:
    stores = (n for n in ast.walk(method) if isinstance(n, ast.Name))
    return {n.id for n in stores if isinstance(n.ctx, ast.Store)}


def _world() -> ast.Name:
    return ast.Name("world", ast.Load())


def _at(new: ast.expr, old: ast.AST) -> ast.expr:
    return ast.fix_missing_locations(ast.copy_location(new, old))


def _plain(node: ast.AST) -> str:
    return (
        type(node).__name__.replace("Def", " definition").replace("Comp", " comprehension").lower()
    )
