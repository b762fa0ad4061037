"""Key prefixes: the first three characters of a record's id, which say of which object it is (DESIGN 5).

Pure. An object may declare its prefix; the others are given one here and keep it for ever, because ids that carry it
are out in the world. `a00` to `a0z` are left to the product's own packs, so that an object they gain later cannot meet
an id an org already has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from fieldsync.base.ids import PREFIX_CHARS, base62
from fieldsync.schema.model import Pack

_FIRST = 36 * 62**2 + 62
"""`a10`."""
_END = 62**PREFIX_CHARS


def assign(packs: Iterable[Pack], previous: Mapping[str, str]) -> tuple[Pack, ...]:
    """The packs with a key prefix on every object.

    `previous` is every assignment made before, object to prefix, also of objects that are gone: theirs are not given
    to another. A declared prefix stands; whether two objects declare the same is for `check`.
    """
    parts = tuple(packs)
    declared = {o.prefix for pack in parts for o in pack.objects if o.prefix is not None}
    free = _free(declared | set(previous.values()))
    return tuple(_with_prefixes(pack, previous, declared, free) for pack in parts)


def assignments(packs: Iterable[Pack]) -> dict[str, str]:
    """Object to prefix, as `assign` takes it the next time."""
    return {o.name: o.prefix for pack in packs for o in pack.objects if o.prefix is not None}


def _with_prefixes(pack: Pack, previous: Mapping[str, str], declared: set[str], free: Iterator[str]) -> Pack:
    objects = []
    for declaration in pack.objects:
        prefix = declaration.prefix or previous.get(declaration.name)
        if declaration.prefix is None and (prefix is None or prefix in declared):
            prefix = next(free)
        objects.append(msgspec.structs.replace(declaration, prefix=prefix))
    return msgspec.structs.replace(pack, objects=tuple(objects))


def _free(taken: set[str]) -> Iterator[str]:
    for number in range(_FIRST, _END):
        prefix = base62(number, PREFIX_CHARS)
        if prefix not in taken:
            yield prefix
