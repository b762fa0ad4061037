"""Which packs make an org's catalog: the product's, those it has, and those a command names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs, read_pack
from fieldsync.schema.model import Pack
from fieldsync.schema.prefixes import assign

ADMIN_PROFILE = "System_Administrator"
FAULTS_SHOWN_MAX = 20


def new_catalog(paths: Iterable[Path]) -> Catalog:
    """The catalog of a new org: the product's packs and those in these files and folders."""
    return _complete(_by_name(()) | {pack.name: pack for pack in read_packs(paths)}, {})


def next_catalog(before: Catalog, prefixes: Mapping[str, str], new: Sequence[Pack]) -> Catalog:
    """The catalog an org goes to: the product's packs as they are now, `new` ones in place of those with their names,
    and the others it has. `prefixes` is every key prefix the org ever gave."""
    return _complete(_by_name(before.packs) | {pack.name: pack for pack in new}, prefixes)


def read_packs(paths: Iterable[Path]) -> list[Pack]:
    """The packs in these files and folders. Raises Refused(UNUSABLE)."""
    return [read_pack(path) for path in paths]


def own_and(packs: Iterable[Pack]) -> list[Pack]:
    """The product's packs as they are now, and those of `packs` that are not the product's."""
    return list(_by_name(packs).values())


def _by_name(packs: Iterable[Pack]) -> dict[str, Pack]:
    own = {pack.name: pack for pack in load_packs()}
    return own | {pack.name: pack for pack in packs if pack.name not in own}


def _complete(packs: Mapping[str, Pack], prefixes: Mapping[str, str]) -> Catalog:
    """The catalog of these packs, with a key prefix on every object. Raises Refused(UNUSABLE)."""
    whole = assign(packs.values(), prefixes)
    faults = check(whole)
    if faults:
        shown = [str(fault).rstrip(".") for fault in faults[:FAULTS_SHOWN_MAX]]
        more = [f"and {len(faults) - len(shown)} more"] if len(faults) > len(shown) else []
        raise Refused(problem(Code.UNUSABLE, what="The catalog", reason="; ".join(shown + more)))
    return build(whole)
