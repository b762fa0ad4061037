"""How lists go to PostgreSQL: those of record ids, which are most of them and long, in one piece."""

from __future__ import annotations

import re
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.array import ListDumper

from fieldsync.base.ids import ID_CHARS

_IDS = re.compile(rf"[0-9A-Za-z]{{{ID_CHARS}}}(?:,[0-9A-Za-z]{{{ID_CHARS}}})*\Z")


class IdsDumper(ListDumper):
    """A list as the driver writes it. Nothing in a record id has to be quoted, so a list of them is not looked at one
    by one."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """The text of an array."""
        try:
            text = ",".join(obj)
        except TypeError:  # not all of them are texts
            return super().dump(obj)
        plain = text.count(",") == len(obj) - 1 and _IDS.match(text)
        return f"{{{text}}}".encode() if plain else super().dump(obj)
