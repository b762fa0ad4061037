"""Whoever works with records in a browser, admin or not: what he may do and how he reads values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.response import Template

from fieldsync.base.problems import Problem
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field
from fieldsync.server.http.context import Served
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader, reader_of
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.web.console.door import AnyRequest, somebody
from fieldsync.web.kit.facts import fact_of
from fieldsync.web.kit.locales import Manner
from fieldsync.web.kit.pages import telling


@dataclass(frozen=True)
class Desk:
    """One request's person."""

    org: Org
    caller: Caller
    page_token: str

    async def reader(self, database: Database) -> Reader:
        """What is open to him."""
        return await reader_of(self.org, database, self.caller)

    def page(self, template: str, values: Mapping[str, Any], wrong: Problem | None = None) -> Template:
        """A page of records; one that tells of a problem has its status."""
        shared = {"here": "records", "page_token": self.page_token, "limited": not self.caller.rights.admin}
        return telling(Template(template_name=template, context={**shared, "wrong": wrong, **values}), wrong)


async def desk_of(served: Served, request: AnyRequest) -> Desk:
    """Whoever is signed in. Raises NotAuthorizedException."""
    org, page_token, caller = await somebody(served, request)
    return Desk(org, caller, page_token)


def manner_of(reader: Reader) -> Manner:
    """How he reads dates, times and numbers."""
    return Manner(reader.zone, reader.locale)


def told(manner: Manner, field: Field, value: FieldValue) -> str:
    """A value as he reads it."""
    return fact_of(field, value, manner, None).text
