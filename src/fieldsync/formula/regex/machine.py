"""A pattern as an automaton that is in all its states at once: time grows with text times pattern, never faster."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import assert_never

from fieldsync.formula import limits
from fieldsync.formula.problem import NoValue
from fieldsync.formula.regex import charsets
from fieldsync.formula.regex.syntax import Choice, Edge, Look, One, Repeat, Row, Tree, parse

_STEPS_MAX = 3_000_000
"""States visited in one match; look-ahead starts a match of its own at each place."""


@dataclass(frozen=True)
class _Jump:
    """On to every one of these states."""

    to: tuple[int, ...]


@dataclass(frozen=True)
class _Ahead:
    """Only where another program matches, or doesn't, from here."""

    program: Program
    wanted: bool


_Step = One | Edge | _Jump | _Ahead


@dataclass
class Program:
    """Steps; the end of the list is the match. Jumps are relative, so parts can be moved."""

    steps: list[_Step] = field(default_factory=list)


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches, as Java's `matches` says. Raises NoValue for a pattern that is none."""
    if len(text) > limits.REGEX_INPUT_CHARS_MAX:
        raise NoValue("a text is too long for REGEX")
    return _run(compiled(pattern), text, 0, whole=True, steps=[0])


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Program:
    """The pattern's program."""
    return Program(_build(parse(pattern)))


def _build(tree: Tree) -> list[_Step]:
    steps = _steps(tree)
    if len(steps) > limits.REGEX_STATES_MAX:
        raise NoValue("a pattern is too large")
    return steps


def _steps(tree: Tree) -> list[_Step]:
    match tree:
        case One() | Edge():
            return [tree]
        case Look():
            return [_Ahead(Program(_build(tree.tree)), tree.wanted)]
        case Row():
            return [step for part in tree.parts for step in _build(part)]
        case Choice():
            return _choice([_build(part) for part in tree.parts])
        case Repeat():
            return _repeat(_build(tree.tree), tree.least, tree.most)
        case _:
            assert_never(tree)


def _choice(parts: list[list[_Step]]) -> list[_Step]:
    starts, at = [], 1
    for part in parts:
        starts.append(at)
        at += len(part) + 1
    steps: list[_Step] = [_Jump(tuple(starts))]
    for part in parts:
        steps.extend(part)
        steps.append(_Jump((at - len(steps),)))
    return steps


def _repeat(part: list[_Step], least: int, most: int | None) -> list[_Step]:
    if len(part) * max(least, most or 1) > limits.REGEX_STATES_MAX:
        raise NoValue("a pattern repeats too often")
    steps = part * least
    if most is None:
        return [*steps, _Jump((1, len(part) + 2)), *part, _Jump((-len(part) - 1,))]
    for left in range(most - least, 0, -1):
        steps += [_Jump((1, left * (len(part) + 1))), *part]
    return steps


def _run(program: Program, text: str, start: int, *, whole: bool, steps: list[int]) -> bool:
    """Whether the program matches from `start`: up to the end, or anywhere."""
    end = len(program.steps)
    states = _closure(program, {0}, text, start, steps)
    for at in range(start, len(text)):
        if end in states and not whole:
            return True
        if not states:
            return False
        taken = set()
        for state in states:
            step = program.steps[state] if state < end else None
            if isinstance(step, One) and charsets.holds(step.ranges, text[at]):
                taken.add(state + 1)
        states = _closure(program, taken, text, at + 1, steps)
    return end in states


def _closure(program: Program, states: set[int], text: str, at: int, steps: list[int]) -> set[int]:
    """Every state that is reached from these without a character."""
    waiting, seen = list(states), set(states)
    while waiting:
        state = waiting.pop()
        steps[0] += 1
        if steps[0] > _STEPS_MAX:
            raise NoValue("a pattern takes too long on a text")
        for following in _following(program, state, text, at, steps):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return seen


def _following(program: Program, state: int, text: str, at: int, steps: list[int]) -> tuple[int, ...]:
    step = program.steps[state] if state < len(program.steps) else None
    match step:
        case _Jump(to):
            return tuple(state + distance for distance in to)
        case Edge(kind):
            return (state + 1,) if _at_edge(kind, text, at) else ()
        case _Ahead():
            found = _run(step.program, text, at, whole=False, steps=steps)
            return (state + 1,) if found is step.wanted else ()
        case One() | None:
            return ()


def _at_edge(kind: str, text: str, at: int) -> bool:
    if kind in "^$":
        return at == (0 if kind == "^" else len(text))
    before = at > 0 and charsets.holds(charsets.WORDS, text[at - 1])
    after = at < len(text) and charsets.holds(charsets.WORDS, text[at])
    return (before != after) is (kind == "b")
