"""The Console mounted in the server: its router, templates and guard."""

from __future__ import annotations

from typing import Any

from litestar import Router

from fieldsync.web.console.catalog.deploy import DEPLOY_PAGES
from fieldsync.web.console.catalog.pages import CATALOG_PAGES
from fieldsync.web.console.catalog.reload import RELOAD_PAGES
from fieldsync.web.console.content.pages import CONTENT_PAGES
from fieldsync.web.console.devices.pages import DEVICE_PAGES
from fieldsync.web.console.devices.support import SUPPORT_PAGES
from fieldsync.web.console.home.alerts import ALERT_PAGES
from fieldsync.web.console.home.pages import HOME_PAGES
from fieldsync.web.console.jobs import JOB_PAGES
from fieldsync.web.console.pages import PAGES
from fieldsync.web.console.people.acts import ACT_PAGES
from fieldsync.web.console.people.pages import PEOPLE_PAGES
from fieldsync.web.console.records.edit import EDIT_PAGES
from fieldsync.web.console.records.files import FILE_PAGES
from fieldsync.web.console.records.lists import LIST_PAGES
from fieldsync.web.console.records.merging import MERGE_PAGES
from fieldsync.web.console.records.record import RECORD_PAGES
from fieldsync.web.console.recovery import RECOVERY_PAGES
from fieldsync.web.console.refusals import AS_PAGES, nowhere
from fieldsync.web.console.reports.pages import REPORT_PAGES
from fieldsync.web.console.retention import RETENTION_PAGES
from fieldsync.web.console.rules.check import CHECK_PAGES
from fieldsync.web.console.rules.files import RULE_FILES
from fieldsync.web.console.rules.pages import RULE_PAGES
from fieldsync.web.console.rules.parts import RULE_PARTS
from fieldsync.web.console.schedules import SCHEDULE_PAGES
from fieldsync.web.console.settings import SETTING_PAGES
from fieldsync.web.console.simulation.pages import SIMULATION_PAGES
from fieldsync.web.console.transactions.detail import TRANSACTION_PAGES
from fieldsync.web.console.transactions.listing import TRANSACTION_LISTS
from fieldsync.web.kit.guard import Guard
from fieldsync.web.kit.pages import static_router, templates

PREFIX = "/console"
template_config = templates("console")


def console_routes() -> list[Any]:
    """Everything under `/console`."""
    pages = [*PAGES, *HOME_PAGES, *ALERT_PAGES, *DEVICE_PAGES, *SUPPORT_PAGES, *TRANSACTION_LISTS, *TRANSACTION_PAGES]
    pages += [*SCHEDULE_PAGES, *RETENTION_PAGES, *RECOVERY_PAGES, *RULE_PAGES, *RULE_PARTS, *SETTING_PAGES, *JOB_PAGES]
    pages += [*LIST_PAGES, *RECORD_PAGES, *EDIT_PAGES, *FILE_PAGES, *MERGE_PAGES]
    pages += [*PEOPLE_PAGES, *ACT_PAGES, *CATALOG_PAGES, *RELOAD_PAGES, *DEPLOY_PAGES]
    pages += [*SIMULATION_PAGES, *REPORT_PAGES, *RULE_FILES, *CONTENT_PAGES, *CHECK_PAGES]
    router = Router(
        PREFIX,
        route_handlers=[*pages, nowhere, static_router("console")],  # type: ignore[list-item]
        exception_handlers=AS_PAGES,
        include_in_schema=False,
    )
    return [router]


def console_guard(hosts: frozenset[str]) -> Guard:
    """The guard in front of it. `hosts` are the names, with ports, this server answers to; empty for any."""
    return Guard(lambda host: not hosts or host in hosts, PREFIX)
