"""Names inside PostgreSQL: of orgs' schemas, indexes, sequences and partitions. Pure; nothing here asks a database.

PostgreSQL cuts a name at 63 bytes without a word, so two long names could become one. `fitting` shortens them with a
hash instead.
"""

from __future__ import annotations

import re
from datetime import date

from fieldsync.base.ids import content_hash

NAME_BYTES_MAX = 63
_ORG = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


def fitting(name: str) -> str:
    """`name` if PostgreSQL takes it whole, else its beginning and a hash of all of it."""
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    return f"{name[: NAME_BYTES_MAX - 9]}_{content_hash(name.encode())[:8]}"


def is_org_name(name: str) -> bool:
    """Whether an org may be called so: a small letter, then up to 39 small letters, digits and `_`."""
    return _ORG.match(name) is not None


def org_schema(org: str) -> str:
    """The PostgreSQL schema of an org."""
    assert is_org_name(org)
    return f"org_{org}"


def index_name(table: str, column: str) -> str:
    """The index of one column."""
    return fitting(f"ix_{table}_{column}")


RECORD_COUNTER = "_record_counter"
"""The sequence that counts the record ids the server mints, under the number of its epoch."""


def auto_number_sequence(object_name: str, field: str) -> str:
    """The sequence of an auto-number field."""
    return fitting(f"_auto_{object_name}_{field}")


CHANGE_LOG = "_change"


def partition_name(day: date) -> str:
    """The part of the change log that holds one day."""
    return f"{CHANGE_LOG}_{day:%Y%m%d}"


DEFAULT_PARTITION = f"{CHANGE_LOG}_default"
"""Holds days nobody made a part for, so that a save never fails for want of one."""
_PARTITION = re.compile(rf"{CHANGE_LOG}_(\d{{8}})\Z")


def partition_day(name: str) -> date | None:
    """The day a part of the change log holds; None for another table."""
    found = _PARTITION.match(name)
    return None if found is None else date.fromisoformat(found[1])


def quoted(name: str) -> str:
    """`name` as an identifier in SQL text."""
    return '"' + name.replace('"', '""') + '"'
