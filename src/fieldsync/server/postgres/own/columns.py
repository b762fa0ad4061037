"""Column types that the platform's own tables share."""

from __future__ import annotations

from sqlalchemy.types import UserDefinedType


class Sql(UserDefinedType[object]):
    """A column type given by its PostgreSQL text, as the table of field types states it."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: object) -> str:
        return self.text


ID = Sql('character varying(18) COLLATE "C"')
NUMBER = Sql('character varying(5) COLLATE "C"')
