"""Every page of the Field app, and one command that writes pictures of all of them:

    python -m tests.web.screenshots FOLDER

at 390 and 1280 pixels, light and dark. A page that is wider than its window, or has a script error, ends it as failed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.web.browsing import ARGUMENTS, SIZES, Running, running_demo

from fieldsync.device import Device
from fieldsync.web.field.content import library as content

CHROMIUM = "/usr/bin/chromium"
SETTLED_MS = 350
FITS = "document.documentElement.scrollWidth <= innerWidth"


def pages(device: Device) -> Iterator[tuple[str, str]]:
    """Name and address of every page, with records of this device."""
    account = device.find("Account", where={"LastName": "Ackerman"})[0].id
    planned = device.find("Call", where={"Status": "Planned"})[0].id
    locked = device.find("Call", where={"Status": "Submitted"})[0].id
    for name in ("accounts", "calendar", "objects", "errors", "sync", "search?q=dr", "sync/running", "syncs/1"):
        yield name.partition("?")[0].replace("/", "-"), f"/{name}"
    yield "home", "/"
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
    decks = {deck.name: deck.id for deck in content.decks(device, datetime.now(UTC).date())}
    yield "present", f"/present/{decks['Respira: what is new']}?call={planned}"


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
    """The pictures of one colour scheme."""
    link = running.link("iPad")
    context = browser.new_context(base_url=link.split("/?", maxsplit=1)[0], color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.goto(link)
    for name, address in pages(running.devices[0]):
        for size in SIZES:
            page.set_viewport_size(size)  # type: ignore[arg-type]
            _picture(page, address, folder / f"{name}-{size['width']}-{scheme}.png", wrong)
    context.close()


def _picture(page: Page, address: str, path: Path, wrong: list[str]) -> None:
    answer = page.goto(address)
    page.wait_for_timeout(SETTLED_MS)
    if answer is None or not answer.ok or not page.evaluate(FITS):
        wrong.append(f"{path.name}: {answer.status if answer else 'no answer'}, or wider than its window")
    page.screenshot(path=path, full_page=True)


def _opened(folder: Path) -> Path:
    """PostgreSQL runs as another account."""
    folder.chmod(0o755)
    return folder


def main(folder: Path) -> int:
    """Write them all; 1 when something is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="fst-", dir="/tmp") as place,
        running_demo(_opened(Path(place)) / "demo") as running,
        sync_playwright() as playwright,
    ):
        refuse(*running.devices)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            take(browser, running, folder, scheme, wrong)
        browser.close()
    sys.stdout.write("\n".join([*wrong, f"{len(list(folder.glob('*.png')))} pictures in {folder}", ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
