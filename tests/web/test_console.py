"""The console's home, simulation and reports: walked by a person; no serious accessibility issue at any width."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import STANDS, Running, eventually, focus, kept_back
from tests.web.console_answers import answers
from tests.web.screenshots import FITS, console_pages, enter_console
from tests.web.test_accessibility import AXE, RUN
from tests.web.test_repair import disagree
from tests.web.test_rules import console

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, SARAH
from fieldsync.server.org.create import seeding_org

pytestmark = pytest.mark.usefixtures("online")

ASKED = "SELECT Status, COUNT(Id) FROM Call GROUP BY Status ORDER BY COUNT(Id) DESC"


def test_home_shows_syncs_and_leads_on(browser: Browser, running: Running) -> None:
    for device in running.devices:
        device.sync()
    with console(browser, running) as page:
        page.goto("/console")
        expect(page.get_by_role("heading", name="Try this")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("Syncs, in syncs"))).to_be_visible()
        expect(page.locator("figcaption").filter(has_text="Duration, half of them (p50) in seconds")).to_be_visible()
        expect(page.get_by_role("group", name="Transactions of the last day")).to_be_visible()
        expect(page.get_by_role("figure", name=re.compile("Devices by their oldest save"))).to_be_visible()
        page.get_by_role("link", name="30 days").click()
        expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")
        page.get_by_role("link", name="Whom to tell", exact=True).click()
        expect(page.get_by_role("heading", name="Alerts")).to_be_visible()


def test_an_address_that_leads_nowhere_is_answered_with_a_page(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        for address in ("/console/nowhere/at/all", "/console/objects/Account/001000000000000AAA"):
            answer = page.request.get(address, headers={"accept": "text/html"})
            assert answer.status == 404
            page.set_content(answer.text())
            expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
            expect(page.get_by_role("link", name="Home", exact=True)).to_be_visible()
        assert page.request.get("/console/nowhere").json()["problem"]["code"]


def test_syncs_errors_durations_and_what_waits_are_drawn_by_version_device_and_territory(
    browser: Browser, running: Running
) -> None:
    ipad, _ = running.devices
    ipad.sync()
    ipad.stop()  # or it tells itself, between two pages, that nothing waits
    with seeding_org(running.uri, ORG, system_world()) as seeding:
        holds = 'UPDATE "Device" SET "Pending_Transactions" = 7, "Oldest_Pending_At" = now() - interval \'50 hours\''
        seeding.connection.exec_driver_sql(f'{holds} WHERE "Platform" = %s', ("iPad",))
    measures = ("Syncs", "Syncs that failed", "Saves that were refused", "Duration, half", "Duration, 95 in 100")
    with console(browser, running) as page:
        for place, group in (("", r"\d+\.\d+"), ("?by=device", "iPad"), ("?by=territory", "Leeds")):
            page.goto(f"/console{place}")
            split = page.locator("#split")
            for measure in measures:
                bars = split.get_by_role("figure", name=re.compile(f"^{measure}")).get_by_role("listitem")
                expect(bars.filter(has_text=re.compile(rf"^\s*{group}\S*\s*[\d.,]+")).first).to_be_visible()
            oldest = split.get_by_role("figure", name=re.compile("^Oldest save that waits"))
            expect(oldest.get_by_role("listitem").filter(has_text="2 days").first).to_be_visible()
            expect(split.get_by_role("figure", name=re.compile("^Saves that wait")).get_by_text("7")).to_be_visible()
        page.goto("/console")
        page.get_by_role("navigation", name="Split by").get_by_role("link", name="Device type").click()
        page.get_by_text("All of them as a table").click()
        expect(page.get_by_role("row", name=re.compile(r"^iPad \d+ \d+ "))).to_be_visible()
        page.goto("/console/reports?by=territory")
        expect(page.get_by_role("heading", name="By territory")).to_be_visible()


def test_an_alert_channel_is_made_tried_and_dropped(browser: Browser, running: Running) -> None:
    with console(browser, running, size=1) as page:
        page.goto("/console/alerts")
        page.locator("#kind-new").select_option("Webhook")
        page.locator("#address-new").fill("http://127.0.0.1:9/nobody-listens")
        page.locator("#secret-new").fill("whispered once")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("button", name="Send a test")).to_be_visible()
        assert "whispered" not in page.content(), "a secret is never shown again"
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("It did not work")).to_be_visible()
        page.get_by_role("button", name="Drop").click()
        expect(page.get_by_role("button", name="Send a test")).to_have_count(0)


def test_a_sync_and_saves_are_simulated_under_rules_as_they_would_be(browser: Browser, running: Running) -> None:
    disagree(running, "mine 3", "theirs 3")
    with console(browser, running) as page:
        page.goto(f"/console/simulation?user={SARAH.username}")
        page.get_by_role("button", name="Simulate the sync").click()
        table = page.get_by_role("table", name="What a sync would bring")
        expect(table.get_by_role("row", name=re.compile("^Product 9 9 "))).to_be_visible()
        expect(table.get_by_role("row", name=re.compile("^Account "))).to_be_visible()
        with page.expect_download() as coming:
            page.locator("#sync-form").get_by_role("button", name="As a file").click()
        told = coming.value.path().read_text(encoding="utf-8-sig")
        assert told.startswith("object,would hold,would travel,bytes,may leave")
        assert f"# simulated: {SARAH.username}" in told
        page.get_by_text("With another condition of a rule").click()
        page.locator("#sync-rule").select_option(label="Account · all")
        page.locator("#sync-where").fill("Name LIKE 'Nothing%'")
        page.get_by_role("button", name="Simulate the sync").click()
        expect(table.get_by_role("row", name=re.compile("^Account "))).to_have_count(0)
        expect(table.get_by_role("row", name=re.compile("^Product 9 9 "))).to_be_visible()
        page.get_by_role("button", name="Simulate the saves").click()
        expect(page.get_by_text("1 save was simulated")).to_be_visible()
        expect(page.get_by_text("Somebody changed Phone").first).to_be_visible()
        page.get_by_text("With another validation rule").click()
        page.locator("#saves-object").select_option("Account")
        page.locator("#saves-condition").fill("1 +")
        page.get_by_role("button", name="Simulate the saves").click()
        expect(page.get_by_text("The rule Proposed")).to_be_visible()
    running.devices[0].undo(running.devices[0].errors()[0].n)


def test_a_part_that_does_not_come_says_why_and_leads_on(
    browser: Browser, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"/console/simulation?user={SARAH.username}"
    context = browser.new_context(base_url=running.console.removesuffix("/console"))
    context.add_init_script(STANDS)
    page = context.new_page()
    page.goto("/console/enter")
    enter_console(page)
    page.goto(place)
    press, said = page.get_by_role("button", name="Simulate the sync"), page.get_by_role("alert")
    with monkeypatch.context() as bug:
        bug.delattr("fieldsync.web.console.simulation.pages._sync")
        press.click()
        expect(said).to_contain_text(re.compile("Something went wrong on our side. Try again .* has number [0-9a-f]+"))
    context.set_offline(True)
    press.click()
    expect(said).to_contain_text("The server cannot be reached.")
    context.set_offline(False)
    press.click()
    expect(page.get_by_role("table", name="What a sync would bring")).to_be_visible()
    expect(said).to_have_count(0)
    context.clear_cookies()
    press.click()
    expect(said).to_contain_text("Your session has ended")
    expect(page.get_by_role("table", name="What a sync would bring")).to_have_count(0)
    context.clear_cookies()
    page.goto("/console/reports?days=30")
    enter_console(page)
    expect(page).to_have_url(re.compile(r"/console/reports\?days=30$"))
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "http://[", "/consoles"):
        answer = page.request.get("/console/enter", params={"next": elsewhere})
        assert answer.ok
        assert 'name="next"' not in answer.text()
    context.close()


def test_a_question_is_asked_kept_and_taken_away_as_csv(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        page.get_by_role("link", name="Reports").click()
        expect(page.get_by_role("row", name=re.compile("Sarah Jones"))).to_be_visible()
        for name, head in (("people", "username,name"), ("syncs", "by,name,syncs,failed")):
            assert head in page.request.get(f"/console/reports/{name}/csv").text()
        page.get_by_role("button", name="Ask a question").click()
        page.locator("#object").select_option("Call")
        expect(page.locator("#object-fields option[value=Status]")).to_have_count(1)
        page.locator("#group-by").fill("Status")
        page.get_by_role("button", name="Ask").first.click()
        expect(page.locator("#q")).to_have_value(ASKED)
        expect(page.get_by_role("figure", name=re.compile("^Status"))).to_be_visible()
        expect(page.get_by_text(re.compile("Every device has sent|said nothing|hold")).first).to_be_visible()
        shown = page.get_by_role("row", name=re.compile("^Submitted")).inner_text().split()
        page.get_by_label("Keep it as").fill("Calls by status")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_role("heading", name="Calls by status")).to_be_visible()
        with page.expect_download() as taken:
            page.get_by_role("link", name="CSV").click()
        rows = list(csv.reader(io.StringIO(taken.value.path().read_text(encoding="utf-8-sig"))))
        assert rows[0] == ["Status", "COUNT(Id)"]
        assert shown in rows
        page.get_by_role("button", name="Drop this report").click()
        expect(page.get_by_role("link", name="Calls by status")).to_have_count(0)


def test_objects_and_fields_are_offered_while_a_query_is_typed(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        page.goto("/console/reports/ask")
        query, picked = focus(page.get_by_label("SOQL")), page.locator(".editor [aria-selected=true]")
        for typed, word in (("SELECT Specia", "Specialty"), (", COUNT(Id) FROM Acco", "Account"), (" GRO", "GROUP BY")):
            page.keyboard.type(typed)
            expect(picked).to_have_text(word)
            page.keyboard.press("Enter")
        page.keyboard.type(" Call_")
        expect(page.locator(".editor li")).to_have_count(0)
        for _ in "Call_":
            page.keyboard.press("Backspace")
        page.keyboard.type("Specia")
        expect(picked).to_have_text("Specialty")
        page.keyboard.press("Tab")
        expect(query).to_have_value("SELECT Specialty, COUNT(Id) FROM Account GROUP BY Specialty")
        page.get_by_role("button", name="Ask").last.click()
        expect(page.get_by_role("figure", name=re.compile("^Specialty"))).to_be_visible()


def a_transaction(running: Running, phone: str) -> None:
    """One that the console lists, whatever ran before."""
    iphone = running.devices[1]
    with iphone.edit() as edit:
        edit.update("Account", iphone.find("Account", where={"LastName": "Ackerman"})[0].id, {"Phone": phone})
    eventually(lambda: not iphone.queue())


def test_what_somebody_chose_stays_chosen_when_the_list_was_on_its_way(browser: Browser, running: Running) -> None:
    a_transaction(running, "+44 113 000 0090")
    part = "**/console/parts/transactions*"
    with console(browser, running) as page:
        page.goto("/console/transactions")
        box = page.get_by_role("row", name=re.compile("Sarah Jones.*Account")).first.get_by_role("checkbox")
        with page.expect_request(part):
            routes = kept_back(page, part)
        box.check()
        a_transaction(running, "+44 113 000 0091")
        answered = "new Promise((done) => document.addEventListener('htmx:afterRequest', () => done()))"
        page.evaluate(f"window.answered = {answered}; null")
        routes.pop().continue_()
        page.evaluate("answered")
        expect(box).to_be_checked()
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme", "every"), [(390, "light", 3), (768, "dark", 1), (1280, "light", 4)])
def test_no_page_has_a_serious_issue(browser: Browser, running: Running, width: int, scheme: str, every: int) -> None:
    wrong: dict[str, object] = {}
    a_transaction(running, f"+44 113 {width}")
    with console(browser, running) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]

        def look(name: str) -> None:
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(RUN)
            if found or not page.evaluate(FITS):
                wrong[name] = found or "wider than its window"

        for name, address in list(console_pages(page))[::every]:
            page.goto(address)
            look(name)
        for name in answers(page) if every == 1 else ():
            look(name)
    assert wrong == {}
