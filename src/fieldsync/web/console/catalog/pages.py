"""The Console's pages of the data model: every object, and one with its fields and what reads them."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field, FieldType
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.dependencies import uses_of
from fieldsync.server.oversight.records import object_of
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org


def _page(name: str, page_token: str, **values: Any) -> Template:
    return Template(template_name=name, context={"here": "setup", "page_token": page_token, **values})


@get("/catalog")
async def catalog_page(request: AnyRequest, served: ServedHere, search: str = "") -> Template:
    """Every object of the data model."""
    org, page_token = await admin_org(served, request)
    wanted = search.strip().lower()
    rows = [_row(org, o) for o in org.catalog if wanted in f"{o.name} {o.plural} {' '.join(o.fields)}".lower()]
    rows.sort(key=lambda row: row["plural"])
    faults = org.logic.formulas.faults
    return _page("catalog.html", page_token, objects=rows, search=search, faults=faults, version=org.catalog.version)


def _row(org: Org, object_type: ObjectType) -> dict[str, Any]:
    logic = org.logic.formulas[object_type.name]
    family = org.catalog.family_of(object_type.name)
    return {
        "name": object_type.name,
        "plural": object_type.plural,
        "fields": len(object_type.fields),
        "formulas": len(logic.fields),
        "rules": len(object_type.validation_rules),
        "sharing": object_type.sharing.value.replace("_", " "),
        "family": family.root if family is not None else "",
        "system": object_type.system,
    }


@get("/catalog/{name:str}")
async def object_page(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """One object: fields, rules, list views, and what reads each field."""
    org, page_token = await admin_org(served, request)
    object_type = object_of(org, name)
    async with snapshot(org.pool) as database:
        rules = await org.scopes.rules(database)
    uses = uses_of(org, rules, name)
    fields = [(field, _told(field), uses.get(field.name, ())) for field in object_type.fields.values()]
    faults = [fault for fault in org.logic.formulas.faults if fault.object == name]
    mine = [rule for rule in rules if rule.object == name]
    family = org.catalog.family_of(name)
    told = {"object": object_type, "fields": fields, "faults": faults, "sync_rules": mine, "family": family}
    return _page("object.html", page_token, **told)


def _told(field: Field) -> str:
    """The type of a field with what limits it."""
    kind = field.type.value.replace("_", " ")
    if field.references:
        return f"{kind} to {field.references}"
    if field.type is FieldType.FORMULA and field.formula_returns is not None:
        return f"formula, {field.formula_returns.value.replace('_', ' ')}"
    if field.roll_up is not None:
        return f"roll-up, {field.roll_up.operation} of {field.roll_up.child_object}"
    if field.length:
        return f"{kind}, {field.length}"
    return f"{kind}, {len(field.values)} values" if field.values else kind


CATALOG_PAGES = [catalog_page, object_page]
