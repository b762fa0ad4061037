"""Sarah's story in a real browser: her iPad's and iPhone's Field apps and the console, driven like a person would."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.web.browsing import Running, app, eventually, focus, kept_back, save

from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD

pytestmark = pytest.mark.usefixtures("online")


def open_ackerman(page: Page) -> None:
    page.get_by_role("link", name="Accounts").click()
    page.get_by_label("Find by name").fill("Ackerman")
    page.get_by_role("link", name=re.compile("Ackerman")).first.click()
    expect(page.get_by_role("heading", name="Dr. Ruth Ackerman")).to_be_visible()


def draw_signature(page: Page) -> None:
    canvas = page.locator("#signature")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(box["x"] + 30 + 12 * step, box["y"] + (40 if step % 2 else 90))
    page.mouse.up()


def test_a_signed_call_made_in_flight_mode_appears_on_the_iphone_and_in_the_console(
    browser: Browser, running: Running
) -> None:
    with app(browser, running.link("iPad")) as page:
        expect(page.get_by_text("Sync is up to date")).to_be_visible()
        page.get_by_role("button", name="Flight mode").click()
        expect(page.get_by_text("Flight mode: nothing is sent")).to_be_visible()
        open_ackerman(page)
        page.get_by_role("button", name="Report a call").click()
        page.get_by_label("Notes", exact=True).fill("Asked about the dosing data.")
        for index in (1, 2):
            page.get_by_role("button", name="Add a product").click()
            entry = page.locator("#lines-Call_Detail .entry").nth(index - 1)
            entry.get_by_role("combobox", name="Product").select_option(index=index)
        page.get_by_role("button", name="Add a sample").click()
        page.locator("#lines-Call_Sample .entry").get_by_role("combobox", name="Product").select_option(index=1)
        page.locator("#lines-Call_Sample .entry").get_by_label("Quantity").fill("2")
        draw_signature(page)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Waiting to upload")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("Signature"))).to_be_visible()
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_text("1 waiting to upload")).to_be_visible()
        page.get_by_role("button", name="Switch flight mode off").click()
        expect(page.get_by_text("Sync is up to date")).to_be_visible()
    ipad, iphone = running.devices
    call = ipad.find("Call", where={"Notes": "Asked about the dosing data."})[0]
    assert str(call.values["Name"]).startswith("C-")
    eventually(lambda: iphone.get("Call", call.id) is not None)
    with app(browser, running.link("iPhone"), size=1) as page:
        page.goto(f"/objects/Call/{call.id}/edit")
        expect(page.get_by_role("heading", name=f"Call {call.values['Name']}")).to_be_visible()
        expect(page.locator("#lines-Call_Detail .entry")).to_have_count(2)
        expect(page.get_by_role("img", name=re.compile("Signature"))).to_be_visible()
    see_in_the_console(browser, running)


def see_in_the_console(browser: Browser, running: Running) -> None:
    with app(browser, running.console) as page:
        page.get_by_label("Org").fill(ORG)
        page.get_by_label("User name").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Transactions").click()
        page.get_by_role("row", name=re.compile("Sarah Jones.*Call.*4")).get_by_role("link").first.click()
        expect(page.get_by_text("Asked about the dosing data.")).to_be_visible()
        expect(page.get_by_role("heading", name=re.compile("Call Success"))).to_be_visible()


def test_a_half_written_call_survives_a_killed_browser(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad")) as page:
        open_ackerman(page)
        page.get_by_role("button", name="Report a call").click()
        with page.expect_response(re.compile("/drafts/")):
            page.get_by_label("Notes", exact=True).fill("Half a thou")
        address = page.url
        page.evaluate("leaving = true")  # a killed browser saves nothing on its way out
    with app(browser, running.link("iPad")) as page:
        page.goto(address)
        expect(page.get_by_text("This is the draft you left here.")).to_be_visible()
        expect(page.get_by_label("Notes", exact=True)).to_have_value("Half a thou")
        page.get_by_role("button", name="Start over").click()
        expect(page.get_by_label("Notes", exact=True)).to_have_value("")


def test_leaving_the_page_saves(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad")) as page:
        open_ackerman(page)
        page.get_by_role("button", name="Report a call").click()
        page.get_by_label("Notes", exact=True).fill("Left without pressing anything.")
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        eventually(lambda: running.devices[0].count("Call", {"Notes": "Left without pressing anything."}) == 1)
        page.go_back()
        expect(page.get_by_label("Notes", exact=True)).to_have_value("Left without pressing anything.")
        page.get_by_label("Notes", exact=True).fill("Left again.")
        page.get_by_role("link", name="Home").click()
        eventually(lambda: running.devices[0].count("Call", {"Notes": "Left again."}) == 1)
    assert not running.devices[0].count("Call", {"Notes": "Left without pressing anything."})


def test_an_open_page_never_changes_by_itself_but_offers_the_newer_version(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0]
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/accounts/{account.id}")
        with iphone.edit() as edit:
            edit.update("Account", account.id, {"Phone": "+44 113 000 0042"})
        expect(page.get_by_text("There is a newer version of this record.")).to_be_visible()
        expect(page.get_by_text("+44 113 000 0042")).to_be_hidden()
        page.get_by_role("button", name="Show it").click()
        expect(page.get_by_text("+44 113 000 0042")).to_be_visible()


def test_a_refused_save_is_listed_with_its_sentence_and_can_be_undone(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0]
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.update("Account", account.id, {"Phone": "mine"})
    with iphone.edit() as edit:
        edit.update("Account", account.id, {"Phone": "theirs"})
    eventually(lambda: not iphone.queue())
    with app(browser, running.link("iPad"), size=1) as page:
        ipad.go_online()
        expect(page.get_by_text("1 save was not accepted", exact=True)).to_be_visible()
        page.get_by_role("link", name=re.compile("Errors")).click()
        for text in ("Somebody changed Phone", "mine", "theirs"):
            expect(page.get_by_text(text).first).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()


def test_a_link_opens_one_browser_only(browser: Browser, running: Running) -> None:
    link = running.link("iPad")
    with app(browser, link):
        pass
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(link)
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_text("This link was used already")).to_be_visible()
    context.close()


def report(page: Page, notes: str) -> str:
    """A saved call about Dr. Ackerman; its address."""
    open_ackerman(page)
    page.get_by_role("button", name="Report a call").click()
    page.get_by_label("Notes", exact=True).fill(notes)
    page.get_by_role("button", name="Save").dblclick()
    page.wait_for_url(re.compile(r"/objects/Call/\w{18}/edit$"))
    return page.url


def test_save_pressed_twice_is_one_call(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad")) as page:
        report(page, "Pressed twice.")
    assert running.devices[0].count("Call", {"Notes": "Pressed twice."}) == 1


def test_a_form_that_is_sent_many_times_at_the_same_moment_is_one_call(browser: Browser, running: Running) -> None:
    send = """async () => {
        const form = document.querySelector("form[action^='/sheets/']");
        const once = () => fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))});
        return (await Promise.all(Array.from({length: 6}, once))).map(answer => answer.status);
    }"""
    with app(browser, running.link("iPad")) as page:
        open_ackerman(page)
        page.get_by_role("button", name="Report a call").click()
        page.get_by_label("Notes", exact=True).fill("At the same moment.")
        assert set(page.evaluate(send)) == {200}
    assert running.devices[0].count("Call", {"Notes": "At the same moment."}) == 1


def test_two_tabs_write_only_what_was_changed_in_each_and_ask_where_both_changed_the_same(
    browser: Browser, running: Running
) -> None:
    with app(browser, running.link("iPad")) as first:
        address = report(first, "From the start.")
        second = first.context.new_page()
        second.goto(address)
        first.get_by_label("Notes", exact=True).fill("From the first tab.")
        save(first)
        second.get_by_label("Next Call Notes").fill("From the second tab.")
        save(second)
        expect(second.get_by_label("Notes", exact=True)).to_have_value("From the first tab.")
        expect(second.get_by_label("Next Call Notes")).to_have_value("From the second tab.")
        first.get_by_label("Next Call Notes").fill("From the first tab again.")
        save(first)
        expect(first.get_by_text("Somebody else changed what you changed here.")).to_be_visible()
        expect(first.get_by_text("Theirs: From the second tab.")).to_be_visible()
        save(first)
        expect(first.get_by_text("Somebody else changed")).to_have_count(0)
    [call] = running.devices[0].find("Call", where={"Notes": "From the first tab."})
    assert call.values["Next_Call_Notes"] == "From the first tab again."


def test_any_record_is_edited_in_a_form(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad"), size=1) as page:
        open_ackerman(page)
        page.get_by_role("link", name="All fields and edit").click()
        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Middle Name").fill("Maud")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Maud", exact=True)).to_be_visible()
    eventually(lambda: running.devices[1].count("Account", {"MiddleName": "Maud"}) == 1)


def pick(page: Page, select: Locator, label: str) -> None:
    """Go to an entry by the arrow keys: letters count as one word only while they are typed quickly."""
    find = "(box, label) => [box.selectedIndex, [...box.options].findIndex(o => o.label.startsWith(label))]"
    at, wanted = select.evaluate(find, label)
    assert wanted >= 0, label
    focus(select)
    while at != wanted:
        key, at = ("ArrowDown", at + 1) if at < wanted else ("ArrowUp", at - 1)
        page.keyboard.press(key)
        expect(select).to_have_js_property("selectedIndex", at)


@pytest.mark.parametrize("size", [0, 1])
def test_a_list_is_picked_sorted_and_searched_by_keyboard(browser: Browser, running: Running, size: int) -> None:
    with app(browser, running.link("iPad"), size) as page:
        page.goto("/objects/Call")
        picker = page.get_by_label("List")
        pick(page, picker, "My Calls")
        expect(page.get_by_label("Sorted by")).to_be_visible()
        mine = running.devices[0].list_view("Call", "My_Calls", order="AccountId", descending=True)
        order = page.get_by_label("Sorted by")
        pick(page, order, "Account, last")
        first = page.locator("tbody tr").first
        expect(first.get_by_role("link")).to_have_text(str(mine[0]["Name"]))
        expect(first).to_contain_text(mine[0]["Account"]["Name"])
        expect(order).to_be_focused()
        page.get_by_label("Find by name").fill(str(mine[-1]["Name"]))
        expect(page.locator("tbody tr")).to_have_count(1)
        page.reload()
        expect(picker).to_have_value("My_Calls")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_chooses_while_a_list_is_on_its_way_gets_what_was_chosen_last(browser: Browser, running: Running) -> None:
    asked = re.compile(r"/objects/Call\?.*order=")
    with app(browser, running.link("iPad")) as page:
        page.goto("/objects/Call?view=My_Calls")
        order = page.get_by_label("Sorted by")
        focus(order)
        routes = kept_back(page, asked)
        for _ in range(2):
            with page.expect_request(asked):
                page.keyboard.press("ArrowDown")
        value = str(order.evaluate("box => box.options[2].value"))
        routes[-1].continue_()
        expect(page).to_have_url(re.compile(rf"order={re.escape(value)}(&|$)"))
        expect(order).to_have_js_property("selectedIndex", 2)
