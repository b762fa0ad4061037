"""What the rooms below the pages put into the places of a problem's sentence, read from their code: words of ours, in
English there, that a person of the Field app is told (`web/kit/tongue.py` says them in the person's language).

Texts with places of their own come as patterns: `at most {0} digits before the point are allowed`.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from fieldsync.protocol.samples.judge import Why
from fieldsync.protocol.upload import Operation
from fieldsync.schema.fields import TYPES
from fieldsync.web.kit.tongue import SPOKEN_IN_DETAILS

SOURCE = Path(__file__).resolve().parent.parent / "src"
ROOMS = (
    *("base", "device", "protocol", "schema/fields.py", "server/save", "server/samples", "server/sync"),
    *("server/media/ask.py", "server/processor/jobs.py", "server/recovery", "web/field", "web/kit"),
)
"""From where a problem comes to a device, or is told by one."""
SUPPORT = SOURCE / "fieldsync" / "server" / "sync" / "support"
"""Asked by admins in the console only."""
MAKERS = frozenset({"problem", "BadValue"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Reading:
    """One module: what its problems are given, and what of that no text of ours can be found for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.outside: list[str] = []

    def texts(self) -> Iterator[str]:
        """Every text that a problem made here puts into its sentence."""
        known = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}
        for function in [*known.values(), self.tree]:
            for given in _given(function):
                yield from self._of(given, function, known)

    def _of(self, given: ast.expr, within: ast.AST, known: dict[str, Function]) -> Iterator[str]:
        match given:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr():
                yield pattern(given)
            case ast.IfExp(body=one, orelse=other):
                for each in (one, other):
                    yield from self._of(each, within, known)
            case ast.BoolOp(values=values):
                for each in values:
                    yield from self._of(each, within, known)
            case ast.Name(id=name):
                yield from self._named(given, name, within, known)
            case ast.Call(func=ast.Name(id=("N_" | "_")), args=[ast.Constant()]):
                return
            case ast.Call(func=ast.Name(id=name)) if name in known:
                yield from self._returned(known[name], known)
            case _:
                self.outside.append(ast.unparse(given))

    def _named(self, given: ast.expr, name: str, within: ast.AST, known: dict[str, Function]) -> Iterator[str]:
        """A name stands for all that is bound to it here, or handed to it, else for the module's constant."""
        bound = [(value, within) for node in ast.walk(within) for value in _bound(node, name)]
        bound += [] if bound else list(_handed(within, name, known))
        for value, where in bound:
            yield from self._of(value, where, known)
        constant = None if bound else getattr(self._module(), name, None)
        if isinstance(constant, str):
            yield constant
        elif not bound:
            self.outside.append(ast.unparse(given))

    def _returned(self, function: Function, known: dict[str, Function]) -> Iterator[str]:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from self._of(node.value, function, {k: v for k, v in known.items() if v is not function})

    def _module(self) -> ModuleType:
        return importlib.import_module(".".join(self.path.relative_to(SOURCE).with_suffix("").parts))


def _given(function: ast.AST) -> Iterator[ast.expr]:
    """What problems made in this function are given; of the module itself, what is made outside of functions."""
    nodes = ast.walk(function) if isinstance(function, Function) else _outside_functions(function)
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
            yield from (word.value for word in node.keywords if word.arg in SPOKEN_IN_DETAILS)
            yield from (word.value for word in node.keywords if word.arg == "object" and _is_words(word.value))


def _outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, Function):
            yield node
            yield from _outside_functions(node)


def _is_words(given: ast.expr) -> bool:
    """Whether this is no object's name, but words."""
    return isinstance(given, ast.Constant) and isinstance(given.value, str) and " " in given.value


def _bound(node: ast.AST, name: str) -> Iterator[ast.expr]:
    for target in node.targets if isinstance(node, ast.Assign) else ():
        match target, node:
            case ast.Name(id=bound), ast.Assign(value=value) if bound == name:
                yield value
            case ast.Tuple(elts=names), ast.Assign(value=ast.Tuple(elts=values)):
                yield from (value for one, value in zip(names, values, strict=True) if ast.unparse(one) == name)


def _handed(within: ast.AST, name: str, known: dict[str, Function]) -> Iterator[tuple[ast.expr, ast.AST]]:
    """What calls of this function hand it for a parameter, and where they do."""
    names = [one.arg for one in within.args.args] if isinstance(within, Function) else []
    if not isinstance(within, Function) or name not in names:
        return
    for caller in known.values():
        for node in ast.walk(caller):
            if isinstance(node, ast.Call) and _calls(node, within.name):
                yield from ((value, caller) for value in node.args[names.index(name) :][:1])
                yield from ((word.value, caller) for word in node.keywords if word.arg == name)


def _calls(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


def pattern(found: ast.JoinedStr) -> str:
    """A text with what is filled in as numbered places."""
    parts, number = list[str](), 0
    for part in found.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{number}}}")
            number += 1
    return "".join(parts)


def readings() -> list[Reading]:
    """Every module of the rooms."""
    places = [SOURCE / "fieldsync" / room for room in ROOMS]
    paths = [path for place in places for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return [Reading(path) for path in paths if not path.is_relative_to(SUPPORT)]


def reasons() -> list[str]:
    """Every text, once."""
    found = [text for reading in readings() for text in reading.texts()]
    of_samples = (re.sub(r"%\((\w+)\)s", r"{\1}", why.value) for why in Why)
    of_types = (row.expected for row in TYPES.values())
    return sorted({*found, *of_samples, *of_types, *(one.value for one in Operation)} - {""})
