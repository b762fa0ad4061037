"""The query language of sync rules, sharing conditions and list views: text to a typed tree.

The tree compiles to expressions, never to text. Running a query belongs to `server` and `device`.
"""

from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.literals import escape
from fieldsync.soql.parse import parse, parse_condition

__all__ = ["Position", "SoqlError", "escape", "parse", "parse_condition"]
