"""A SQL expression put together from text and SQLAlchemy columns.

Flat on purpose: a formula may nest a hundred calls, and SQLAlchemy's own tree would be compiled by recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import types
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement

Piece = str | ColumnElement[Any]
Pieces = list[Piece]


class Assembled(ColumnElement[Any]):
    """The pieces in their order, as one column."""

    inherit_cache = False

    def __init__(self, pieces: Sequence[Piece], kind: types.TypeEngine[Any]) -> None:
        self.pieces = tuple(pieces)
        self.type = kind

    @property
    def _from_objects(self) -> list[Any]:
        """So that a SELECT finds the tables of the columns inside."""
        return [table for piece in self.pieces if not isinstance(piece, str) for table in piece._from_objects]


@compiles(Assembled)
def _compile(element: Assembled, compiler: Any, **options: Any) -> str:
    doubled = compiler.preparer._double_percents
    return "".join(
        (piece.replace("%", "%%") if doubled else piece)
        if isinstance(piece, str)
        else compiler.process(piece, **options)
        for piece in element.pieces
    )


def quoted(text: str) -> str:
    """A text literal."""
    return "'" + text.replace("'", "''") + "'::text"
