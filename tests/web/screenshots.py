"""Every page of the Field app and of the console, and one command that writes pictures of all of them:

    python -m tests.web.screenshots FOLDER [field | console]

at 390 and 1280 pixels, the console at 768 too, light and dark; the Field app in German at 360 pixels besides. A page
that is wider than its window, or has a script error, ends it as failed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.web.begin_walk import two_territories, walk
from tests.web.beginning import Vault, opened
from tests.web.browsing import ARGUMENTS, SIZES, Running, running_demo
from tests.web.console_answers import answers
from tests.web.states_walk import states

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH
from fieldsync.device import Device
from fieldsync.protocol.email.consent import TEMPLATE
from fieldsync.server.org.create import seeding_org
from fieldsync.web.field.content import library as content

CHROMIUM = "/usr/bin/chromium"
SETTLED_MS, HEIGHT_MAX = 350, 6_000
FITS = "document.documentElement.scrollWidth <= innerWidth"


def pages(device: Device) -> Iterator[tuple[str, str]]:
    """Name and address of every page, with records of this device."""
    account = device.find("Account", where={"LastName": "Ackerman"})[0].id
    planned = device.find("Call", where={"Status": "Planned"})[0].id
    locked = device.find("Call", where={"Status": "Submitted"})[0].id
    for name in ("accounts", "calendar", "objects", "errors", "sync", "search?q=dr", "sync/running", "syncs/1"):
        yield name.partition("?")[0].replace("/", "-"), f"/{name}"
    yield "home", "/"
    yield "nearby", "/nearby"
    yield "calendar-day", "/calendar?show=day"
    yield "account", f"/accounts/{account}"
    yield "account-fields", f"/objects/Account/{account}"
    yield "account-edit", f"/objects/Account/{account}/edit"
    yield "calls", "/objects/Call"
    yield "calls-list", "/objects/Call?view=My_Calls"
    yield "call-new", f"/objects/Call/new?AccountId={account}"
    yield "call-planned", f"/objects/Call/{planned}/edit"
    yield "call-submitted", f"/objects/Call/{locked}/edit"
    yield "call-read", f"/objects/Call/{locked}"
    yield "call-print", f"/objects/Call/{locked}/print"
    for name in ("Order", "Inventory_Monitoring", "Medical_Inquiry", "Data_Change_Request", "Task"):
        yield f"new-{name.lower()}", f"/objects/{name}/new?AccountId={account}"
    yield "new-event", "/objects/Medical_Event/new"
    yield "content", f"/content?call={planned}"
    template = device.find("Content", where={"Type": TEMPLATE})[0].id
    yield "email-templates", f"/email/new?AccountId={account}"
    yield "email", f"/email/new?AccountId={account}&ContentId={template}"
    decks = {deck.name: deck.id for deck in content.decks(device, datetime.now(UTC).date())}
    yield "present", f"/present/{decks['Respira: what is new']}?call={planned}"


CONSOLE = {
    **{name: f"/console/{name}" for name in ("transactions", "alerts", "simulation", "reports", "devices", "people")},
    **{name: f"/console/{name}" for name in ("objects", "rules", "catalog", "deploy", "versions", "settings", "jobs")},
    **{name: f"/console/{name}" for name in ("schedules", "retention", "recovery", "profiles", "alignment", "access")},
    "leaving": "/console/leaving",
    **{name.replace("/", "-"): f"/console/{name}" for name in ("content", "content/new")},
    "home": "/console",
    "ask": "/console/reports/ask",
    "rule-new": "/console/rules/new",
    "rules-import": "/console/rules/import",
    "rules-check": "/console/rules/check",
    "object": "/console/catalog/Account",
    "setting": "/console/settings/Overdue_Days",
    "records": "/console/objects/Account",
    "record-new": "/console/new/Call",
    "records-import": "/console/import/Account",
}
"""Pages of the console whose address says all."""
FIRST = {
    "transaction": ("transactions", "/console/transactions/0"),
    "device": ("devices", "/console/devices/0"),
    "person": ("people", "/console/people/0"),
    "rule": ("rules", "/console/rules/0"),
    "record": ("records", "/console/objects/Account/0"),
    "content-one": ("content", "/console/content/0"),
}
"""Pages of one thing: where it is listed, and how its address begins."""


def console_pages(page: Page) -> Iterator[tuple[str, str]]:
    """Name and address of every page of the console, for who is signed in to it."""
    yield from CONSOLE.items()
    for name, (listed, begins) in FIRST.items():
        page.goto(CONSOLE[listed])
        address = page.locator(f'main a[href^="{begins}"]').first.get_attribute("href")
        assert address is not None, listed
        yield name, address
        if name == "record":
            yield "record-edit", f"{address}/edit"


def enter_console(page: Page) -> None:
    """Sign in as the demo's admin, on the page that asks for it."""
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for label, text in (("Org", ORG), ("User name", ADMIN), ("Password", PASSWORD)):
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def refuse(device: Device, other: Device) -> None:
    """An error to look at: both devices change one field, this one second."""
    account = device.find("Account", where={"LastName": "Ackerman"})[0].id
    device.go_offline()
    with device.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 496 0101"})
    with other.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 496 0202"})
    while other.queue():
        other.step()
    device.go_online()
    while not device.errors():
        device.step()


def take(browser: Browser, running: Running, folder: Path, scheme: str, wrong: list[str]) -> None:
    """The pictures of the Field app in one colour scheme."""
    link = running.link("iPad")
    with _page(browser, link.split("/?", maxsplit=1)[0], scheme, wrong) as page:
        page.goto(link)
        _pictures(page, pages(running.devices[0]), [size["width"] for size in SIZES], (folder, scheme, wrong))
        page.set_viewport_size(SIZES[1])  # type: ignore[arg-type]
        states(page, running.devices[0], lambda name: _look(page, folder, name, scheme, wrong))


def take_german(browser: Browser, running: Running, folder: Path, wrong: list[str]) -> None:
    """The pictures of the Field app for a German on the narrowest phone."""
    ipad = running.devices[0]
    with seeding_org(running.uri, ORG, system_world()) as seeding:
        told = 'UPDATE "User" SET "LanguageLocaleKey" = %s, "LocaleSidKey" = %s WHERE "Username" = %s'
        seeding.connection.exec_driver_sql(told, ("de", "de_DE", SARAH.username))
    ipad.sync("full")
    link = running.link("iPad")
    with _page(browser, link.split("/?", maxsplit=1)[0], "light", wrong) as page:
        page.goto(link)
        _pictures(page, pages(ipad), (360,), (folder, "german", wrong))


def take_console(browser: Browser, running: Running, folder: Path, scheme: str, wrong: list[str]) -> None:
    """The pictures of the console in one colour scheme."""
    with _page(browser, running.console.removesuffix("/console"), scheme, wrong) as page:
        page.goto("/console/enter")
        _pictures(page, [("enter", "/console/enter")], (390, 1280), (folder, f"console-{scheme}", wrong))
        enter_console(page)
        _pictures(page, list(console_pages(page)), (390, 768, 1280), (folder, f"console-{scheme}", wrong))
        for name in answers(page):
            for width in (390, 768, 1280):
                page.set_viewport_size({"width": width, "height": 860})
                _shot(page, folder / f"{name}-{width}-console-{scheme}.png", wrong)


@contextmanager
def _page(browser: Browser, base: str, scheme: str, wrong: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=base, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    yield page
    context.close()


def _pictures(
    page: Page, found: Iterable[tuple[str, str]], widths: Iterable[int], told: tuple[Path, str, list[str]]
) -> None:
    folder, kind, wrong = told
    for name, address in found:
        for width in widths:
            page.set_viewport_size({"width": width, "height": 860})
            _picture(page, address, folder / f"{name}-{width}-{kind}.png", wrong)


def _picture(page: Page, address: str, path: Path, wrong: list[str]) -> None:
    answer = page.goto(address)
    if answer is None or not answer.ok:
        wrong.append(f"{path.name}: {answer.status if answer else 'no answer'}")
    _shot(page, path, wrong)


def _shot(page: Page, path: Path, wrong: list[str]) -> None:
    """The whole page, in a window as high as it is: what sticks to the window's edge hides nothing then."""
    page.wait_for_timeout(SETTLED_MS)
    if not page.evaluate(FITS):
        wrong.append(f"{path.name}: wider than its window")
    size = page.viewport_size
    assert size is not None
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    if size["height"] < height <= HEIGHT_MAX:
        page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=path, full_page=True)
    page.set_viewport_size(size)


def take_beginning(browser: Browser, running: Running, folder: Path, scheme: str, wrong: list[str]) -> None:
    """The pictures of a first start and of the lock screen."""
    server = running.console.removesuffix("/console")
    with tempfile.TemporaryDirectory() as place, opened(Path(place), Vault()) as one:
        context = browser.new_context(base_url=one.link.split("/?", maxsplit=1)[0], color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.goto(one.link)

        walk(page, one, server, lambda name: _look(page, folder, name, scheme, wrong))
        context.close()


def _look(page: Page, folder: Path, name: str, scheme: str, wrong: list[str]) -> None:
    """Pictures of what is there, at each width."""
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        _shot(page, folder / f"{name}-{size['width']}-{scheme}.png", wrong)


def _opened(folder: Path) -> Path:
    """PostgreSQL runs as another account."""
    folder.chmod(0o755)
    return folder


def main(folder: Path, only: str = "") -> int:
    """Write them all, or those of one app; 1 when something is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="fst-", dir="/tmp") as place,
        running_demo(_opened(Path(place)) / "demo") as running,
        sync_playwright() as playwright,
    ):
        refuse(*running.devices)
        two_territories(running.uri)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            if only != "console":
                take(browser, running, folder, scheme, wrong)
                take_beginning(browser, running, folder, scheme, wrong)
            if only != "field":
                take_console(browser, running, folder, scheme, wrong)
        if only != "console":
            take_german(browser, running, folder, wrong)
        browser.close()
    sys.stdout.write("\n".join([*wrong, f"{len(list(folder.glob('*.png')))} pictures in {folder}", ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:3]))
