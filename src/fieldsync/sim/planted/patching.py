"""What a planted bug is: names of the product that stand for something else while a run lasts.

The product has no switch for it. A name is patched in the module that calls it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

Break = Callable[[Any], Any]
"""Makes the broken thing out of the right one."""


@dataclass(frozen=True)
class Patch:
    """`place`: module and name, `fieldsync.device.sync.settle:event_of`, or module, class and name."""

    place: str
    broken: Break


@dataclass(frozen=True)
class Planted:
    """One bug, and the pinned run in which it is caught: what happens more often in it, seed, steps and devices."""

    name: str
    patches: tuple[Patch, ...]
    focus: tuple[str, ...] = ()
    seed: int = 1
    steps: int = 60
    devices: int = 2


@contextmanager
def planting(bug: Planted) -> Iterator[None]:
    """The product has this bug while the block lasts."""
    with ExitStack() as stack:
        for patch in bug.patches:
            module, _, path = patch.place.partition(":")
            owner: Any = importlib.import_module(f"fieldsync.{module}")
            *above, name = path.split(".")
            for part in above:
                owner = getattr(owner, part)
            right = owner.__dict__[name]
            stack.callback(setattr, owner, name, right)
            setattr(owner, name, patch.broken(right))
        yield


def instead(value: Any) -> Break:
    """A function or value in its place."""
    return lambda _: value


def returning(value: Any) -> Break:
    """It does nothing and returns this."""
    return lambda _: lambda *_args, **_more: value


def returning_async(value: Any) -> Break:
    """It does nothing and returns this, to who awaits it."""

    async def nothing(*_args: object, **_more: object) -> Any:
        return value

    return lambda _: nothing
