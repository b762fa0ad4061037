"""The Field app's records: families with their details, made offline from the catalog's layouts, seen elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually, save

from fieldsync.base.ids import RecordId
from fieldsync.device import Device

pytestmark = pytest.mark.usefixtures("online")


def ackerman(running: Running) -> str:
    return str(running.devices[0].find("Account", where={"LastName": "Ackerman"})[0].id)


def begin(page: Page, account: str, what: str) -> None:
    """A new record of this kind, from the account's page."""
    page.goto(f"/accounts/{account}")
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_role("link", name=what, exact=True).click()
    expect(page.get_by_role("heading", name=f"New {what.lower()}")).to_be_visible()


def add(page: Page, one: str, of: str) -> None:
    page.get_by_role("button", name=f"Add {one}", exact=True).click()
    expect(page.locator(f"#lines-{of} .entry")).not_to_have_count(0)


def saved(page: Page, act: str = "Save") -> str:
    """The id of what was saved."""
    save(page, act)
    expect(page).to_have_url(re.compile(r"/objects/\w+/\w{18}(/edit)?$"))
    found = re.search(r"/(\w{18})(/edit)?$", page.url)
    assert found is not None
    return found[1]


def test_an_order_with_lines_and_a_delivery_is_one_save_and_is_locked_once_submitted(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    ipad.go_offline()
    with app(browser, running.link("iPad"), 1) as page:
        begin(page, ackerman(running), "Order")
        page.get_by_label("Purchase Order").fill("PO 42")
        for row, product in enumerate(("Respira", "Neurelle")):
            add(page, "a line", "Order_Line")
            entry = page.locator("#lines-Order_Line .entry").nth(row)
            entry.get_by_label("Product").select_option(label=product)
            entry.get_by_label("Quantity").fill(str(row + 2))
        add(page, "a delivery order", "Delivery_Order")
        page.locator("#lines-Delivery_Order .entry").get_by_label("Instructions").fill("Back door")
        order = saved(page)
        expect(page.get_by_text("Waiting to upload").first).to_be_visible()
        [entry_in_queue] = [entry for entry in ipad.queue() if entry.record_id == order]
        assert entry_in_queue.items == 4
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("This order was submitted and is locked.")).to_be_visible()
        page.goto(f"/objects/Order/{order}/print")
        expect(page.get_by_text("Back door")).to_be_visible()
        ipad.go_online()
    eventually(lambda: iphone.count("Order_Line", {"OrderId": order}) == 2)
    [there] = iphone.find("Order", where={"Purchase_Order": "PO 42"})
    assert there.values["Status"] == "Submitted"
    assert str(there.values["Name"]).startswith("O-")


FAMILIES = {
    "Inventory Monitoring": ("Inventory_Monitoring", "a product", "Inventory_Monitoring_Line", "Facings", "7"),
    "Data Change Request": ("Data_Change_Request", "a change", "Data_Change_Request_Line", "Field Name", "Phone"),
    "Task": ("Task", "", "", "", ""),
    "Content Acknowledgment": ("Content_Acknowledgment", "", "", "", ""),
}


@pytest.mark.parametrize("label", FAMILIES)
def test_every_family_is_made_from_an_account(browser: Browser, running: Running, label: str) -> None:
    name, one, lines, field, text = FAMILIES[label]
    iphone, account = running.devices[1], ackerman(running)
    with app(browser, running.link("iPad")) as page:
        begin(page, account, label)
        if label == "Task":
            page.get_by_label("Subject").fill("Send the reprint")
        if lines:
            add(page, one, lines)
            entry = page.locator(f"#lines-{lines} .entry")
            if name == "Inventory_Monitoring":
                entry.get_by_label("Product", exact=True).select_option(label="Respira")
            entry.get_by_label(field).fill(text)
        record = saved(page)
        page.goto(f"/accounts/{account}")
        expect(page.locator(f"a[href='/objects/{name}/{record}']")).to_be_visible()
    eventually(lambda: iphone.get(name, record) is not None)  # type: ignore[arg-type]
    assert not lines or iphone.count(lines) == 1


def test_what_was_acknowledged_by_signature_is_shown_and_cannot_be_typed(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    signed = {"Signature": "c2lnbg==", "Signature_Date": "2026-01-01T09:00:00+00:00"}
    with ipad.edit() as edit:
        whole = edit.create("Content_Acknowledgment", {"AccountId": ackerman(running), "Comments": "read", **signed})
        item = {"Content_AcknowledgmentId": whole, "ContentId": ipad.find("Content")[0].id, "Delivery": "Shown"}
        item_id = edit.create("Content_Acknowledgment_Item", item)
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/objects/Content_Acknowledgment_Item/{item_id}/edit")
        expect(page.get_by_text("What the signature stands for stays as it is")).to_be_visible()
        expect(page.get_by_label("Delivery")).to_be_disabled()
        page.goto(f"/objects/Content_Acknowledgment/{whole}/edit")
        expect(page.get_by_text("What the signature stands for stays as it is")).to_be_visible()
        expect(page.get_by_label("Delivery")).to_have_value("Shown")
        for kept in (page.get_by_label("Delivery"), page.get_by_label("Comments").first):
            expect(kept).to_be_disabled()
            expect(kept).to_have_css("opacity", "1")
        expect(page.get_by_role("button", name="Add an item")).to_have_count(0)
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        page.get_by_label("Status").select_option("Acknowledged")
        saved(page)
        assert ipad.find("Content_Acknowledgment", where={"Id": whole})[0].values["Status"] == "Acknowledged"
        assert ipad.find("Content_Acknowledgment_Item", where={"Id": item_id})[0].values["Delivery"] == "Shown"
        page.get_by_role("button", name="Take the signature back").click()
        expect(page.get_by_label("Comments").first).to_be_enabled()
        expect(page.get_by_role("button", name="Add an item")).to_be_visible()


def test_an_inquiry_is_answered_from_its_own_page(browser: Browser, running: Running) -> None:
    iphone = running.devices[1]
    with app(browser, running.link("iPad"), 1) as page:
        begin(page, ackerman(running), "Medical Inquiry")
        page.get_by_label("Question").fill("Is it safe with grapefruit?")
        inquiry = saved(page)
        page.goto(f"/objects/Medical_Inquiry/{inquiry}")
        page.get_by_role("button", name="New", exact=True).click()
        page.get_by_role("link", name="Medical Inquiry Fulfillment").click()
        add(page, "a response", "Medical_Inquiry_Fulfillment_Response")
        page.locator(".entry").get_by_label("Answer").fill("No interaction is known.")
        fulfillment = saved(page)
        expect(page.locator(".entry").get_by_label("Answer")).to_have_value("No interaction is known.")
    answered = {"Medical_Inquiry_FulfillmentId": fulfillment}
    eventually(lambda: iphone.count("Medical_Inquiry_Fulfillment_Response", answered) == 1)
    made = iphone.get("Medical_Inquiry_Fulfillment", fulfillment)  # type: ignore[arg-type]
    assert made is not None
    assert made.values["AccountId"] == ackerman(running)


def test_an_event_gets_its_attendees_and_a_lookup_is_found_by_keyboard(browser: Browser, running: Running) -> None:
    iphone = running.devices[1]
    colleague = running.devices[0].find("Account", order_by="Name", descending=True)[0]
    with app(browser, running.link("iPad")) as page:
        page.goto("/objects/Medical_Event/new")
        page.get_by_label("Event Name").fill("Round table on asthma")
        add(page, "an attendee", "Event_Attendee")
        attendee = page.locator("#lines-Event_Attendee .entry")
        attendee.get_by_label("Attendee Name").fill("A guest")
        who = attendee.get_by_label("Account")
        if who.get_attribute("role") == "combobox":
            who.fill(str(colleague.values["LastName"]))
            expect(attendee.get_by_role("option").first).to_be_visible()
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
        else:
            who.select_option(value=colleague.id)
        event = saved(page)
        expect(page.get_by_text("A guest")).to_be_visible()
    eventually(lambda: iphone.count("Event_Attendee", {"Medical_EventId": event}) == 1)
    [attends] = iphone.find("Event_Attendee", where={"Medical_EventId": event})
    assert attends.values["AccountId"] is not None


def test_any_draft_survives_and_a_refusal_keeps_what_was_typed(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad"), 1) as page:
        begin(page, ackerman(running), "Task")
        with page.expect_response(re.compile("/drafts/")):
            page.get_by_label("Description").fill("Half a thou")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("Subject")
        expect(page.get_by_label("Description")).to_have_value("Half a thou")
        page.evaluate("leaving = true")
        address = page.url
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/accounts/{ackerman(running)}")
        page.get_by_role("button", name="New", exact=True).click()
        page.get_by_role("link", name="Task", exact=True).click()
        expect(page.get_by_label("Description")).to_have_value("Half a thou")
        page.get_by_role("button", name="Start over").click()
        expect(page.get_by_label("Description")).to_have_value("")
    assert "/objects/Task/new?" in address


def test_a_deleted_task_is_gone_on_both_devices(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    with ipad.edit() as edit:
        task = edit.create("Task", {"Name": "Not needed", "AccountId": ackerman(running)})
    eventually(lambda: iphone.get("Task", task) is not None)
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/objects/Task/{task}/edit")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url(re.compile("/accounts/"))
    eventually(lambda: iphone.get("Task", task) is None)


def test_accounts_nearby_are_listed_by_distance_offline_from_the_device_a_typed_place_or_the_last_visit(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    ipad.go_offline()
    [yard] = ipad.find("Address", limit=1)
    north, east = (float(str(yard.values[f"Location__{name}__s"])) for name in ("Latitude", "Longitude"))
    with app(browser, running.link("iPad"), 1) as page:
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_role("button", name="Nearby").click()
        expect(page.get_by_text(re.compile("^From .+"))).to_be_visible()
        page.get_by_role("button", name="Where I am").click()
        expect(page.get_by_role("status")).to_contain_text("Type a place instead")
        page.context.grant_permissions(["geolocation"])
        page.context.set_geolocation({"latitude": north, "longitude": east, "accuracy": 5})
        page.get_by_role("button", name="Where I am").click()
        expect(page.get_by_text("From where this device is.")).to_be_visible()
        far = page.locator(".far").all_inner_texts()
        assert far[0] == "0.0 mi"
        assert [float(text.split()[0]) for text in far] == sorted(float(text.split()[0]) for text in far)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("Town, post code or street").fill("leed")
        page.get_by_role("button", name="Look there").click()
        expect(page.get_by_text("From leed.")).to_be_visible()
        expect(page.locator(".far").first).to_be_visible()
        page.get_by_label("Town, post code or street").fill("Atlantis")
        page.get_by_role("button", name="Look there").click()
        expect(page.get_by_text("No address on this device is called so.")).to_be_visible()


def test_a_visit_keeps_the_zone_it_took_place_in(browser: Browser, running: Running) -> None:
    """Also one that was made elsewhere and is shown to, and corrected by, somebody whose clock shows another time."""
    ipad = running.devices[0]
    with app(browser, running.link("iPad"), 1) as page:
        own = page.locator("body").get_attribute("data-zone")
        account = ackerman(running)
        page.goto(f"/objects/Call/new?AccountId={account}")
        call = saved(page)
        assert values_of(ipad, call)["Time_Zone"] == own
        with ipad.edit() as edit:
            edit.update("Call", RecordId(call), {"Time_Zone": "Asia/Tokyo", "Call_Date": "2026-03-02T06:30:00Z"})
        at = values_of(ipad, call)["Call_Date"]
        page.goto(f"/objects/Call/{call}")
        expect(page.get_by_text("2 Mar 2026, 15:30 (Asia/Tokyo)").first).to_be_visible()
        page.goto(f"/accounts/{account}")
        expect(page.get_by_text("2 Mar 2026, 15:30 (Asia/Tokyo)").first).to_be_visible()
        page.goto("/calendar?day=2026-03-02")
        expect(page.get_by_text("15:30 (Asia/Tokyo)").first).to_be_visible()
        page.goto(f"/objects/Call/{call}/edit")
        expect(page.get_by_text("Times on this page are those of Asia/Tokyo")).to_be_visible()
        expect(page.get_by_label("Date and Time")).to_have_value("2026-03-02T15:30")
        page.get_by_label("Objective").fill("Seen from afar")
        saved(page)
        eventually(lambda: values_of(ipad, call)["Objective"] == "Seen from afar")
        assert values_of(ipad, call)["Call_Date"] == at
        page.get_by_label("Date and Time").fill("2026-03-02T16:00")
        saved(page)
        eventually(lambda: values_of(ipad, call)["Call_Date"] == "2026-03-02T07:00:00+00:00")


def values_of(device: Device, call: str) -> Mapping[str, object]:
    found = device.get("Call", RecordId(call))
    assert found is not None
    return found.values


def test_paper_is_read_on_a_phone_and_has_its_columns_on_paper(browser: Browser, running: Running) -> None:
    call = running.devices[0].find("Call_Detail")[0].values["CallId"]
    with app(browser, running.link("iPad"), 1) as page:
        page.set_viewport_size({"width": 360, "height": 844})
        page.goto(f"/objects/Call/{call}/print")
        paper, head = page.locator("article.paper").bounding_box(), page.locator(".paper > header").bounding_box()
        assert paper is not None
        assert head is not None
        assert paper["x"] <= head["x"]
        assert head["x"] + head["width"] <= paper["x"] + paper["width"]
        before = page.locator(".paper td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
        assert before == '"Product"', "each value with its label, as there is no room for columns"
        page.set_viewport_size({"width": 794, "height": 1123})
        page.emulate_media(media="print")
        expect(page.get_by_role("columnheader", name="Product")).to_be_in_viewport()
