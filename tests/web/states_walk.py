"""What pages of the Field app show besides themselves: menus, lines, refusals, a sync and its end; for pictures and
for what each of them has to fulfil."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from tests.web.begin_walk import Look, press

from fieldsync.device import Device


def states(page: Page, device: Device, look: Look) -> None:
    """Each is looked at as it stands there. The device has an error, and is online at the end as it was before."""
    account = device.find("Account", where={"LastName": "Ackerman"})[0].id
    for name, address in (("search-nothing", "/search?q=nobody+at+all"), ("orders-none", "/objects/Order")):
        page.goto(address)
        look(name)
    page.goto(f"/accounts/{account}")
    page.get_by_role("button", name="New", exact=True).click()
    look("account-menu")
    page.goto(f"/objects/Call/new?AccountId={account}")
    for line in ("a product", "a sample", "an expense"):
        press(page, f"Add {line}")
    look("call-lines")
    page.goto(f"/objects/Task/new?AccountId={account}")
    press(page, "Save")
    expect(page.get_by_role("alert").first).to_be_visible()
    look("task-refused")
    page.goto("/")
    press(page, "Flight mode")
    expect(page.get_by_text("Flight mode: nothing is sent")).to_be_visible()
    press(page, "Sync")
    expect(page.get_by_role("alert")).to_be_visible()
    with page.expect_response("**/parts/widget"):
        device.go_offline()
    expect(page.get_by_role("alert")).to_be_visible()
    look("home-offline")
    press(page, "Switch flight mode off")
    press(page, "Prepare an update")
    expect(page.get_by_text("An update is ready")).to_be_visible()
    look("home-update")
    press(page, "Apply update")
    expect(page.get_by_text("No update is prepared")).to_be_visible()
    page.goto("/sync")
    page.get_by_role("button", name="Upload only").click()
    expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
    look("sync-done")
