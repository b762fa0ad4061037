"""The query language of sync rules, sharing conditions and list views: text to a typed tree.

The tree compiles to expressions of either database, never to text that holds a value. Running a query belongs to
`server` and `device`.

    query = parse("SELECT Id, Account.Name FROM Contact WHERE LastModifiedDate = LAST_N_DAYS:7").bind(catalog)
    rule = bind_condition(parse_condition("OwnerId = '{USER.ID}'"), catalog, "Account", tokens={"USER_ID"})
    rule.reads  # every (object, field) the condition depends on

`soql.sql.statement` compiles for PostgreSQL, `soql.sqlite.statement` for the device.
"""

from fieldsync.soql.bind.condition import bind_condition
from fieldsync.soql.bind.query import bind_query
from fieldsync.soql.dates import Calendar
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.literals import escape
from fieldsync.soql.parse import parse, parse_condition
from fieldsync.soql.values import Context

__all__ = [
    "Calendar",
    "Context",
    "Position",
    "SoqlError",
    "bind_condition",
    "bind_query",
    "escape",
    "parse",
    "parse_condition",
]
