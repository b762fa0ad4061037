"""Presenting from a call, offline: slides of every kind fill the screen, and what was shown is on the call."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import Running, app, eventually, focus
from tests.web.test_admin import admin

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.protocol.rows import RecordRef
from fieldsync.server.media.keep import put
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids

pytestmark = pytest.mark.usefixtures("online")


LONG_AGO = "2024-01-01T09:00:00+00:00"
LOADED = "() => document.readyState === 'complete' || new Promise((loaded) => addEventListener('load', loaded))"
SHOWN, PASSED_OVER = (f"began = new Date(began.getTime() {moved})" for moved in ("- 1100", "+ 60000"))
"""The slide that is there was shown for a second and more; or for none, however slow the machine is."""


def test_a_deck_is_presented_from_a_call_without_a_network(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    ipad.go_offline()
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/objects/Call/{call}/edit")
        page.get_by_role("button", name="Present", exact=True).click()
        page.get_by_role("button", name="Present Respira: what is new").click()
        expect(page.get_by_role("img", name="Breathe easier")).to_be_visible()
        page.evaluate("document.querySelector('.slide img').decode()")
        page.get_by_label("Reaction").select_option("Positive")
        page.evaluate(SHOWN)
        page.get_by_role("button", name="Next slide").click()
        poll = page.frame_locator("iframe[title='A question']")
        poll.get_by_role("button", name="Most").evaluate(LOADED)  # of the slide itself, not of the empty frame before
        poll.get_by_role("button", name="Most").click()
        expect(poll.get_by_text("Thank you: most.")).to_be_visible()
        assert (
            page.evaluate("(() => { try { return frames[0].document.title } catch { return 'closed' } })()") == "closed"
        )
        page.evaluate(SHOWN)
        focus(page.get_by_role("button", name="Next slide"))
        page.keyboard.press("ArrowRight")
        page.evaluate(PASSED_OVER)
        expect(page.get_by_role("img", name="Dosing in one look")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        page.wait_for_url(re.compile("/edit$"))
        eventually(lambda: ipad.count("Call_Clickstream", {"CallId": call}) == 3)
        messages = {str(m.values["Slide"]): m.values for m in ipad.find("Call_Key_Message", where={"CallId": call})}
        assert messages.keys() == {"Breathe easier", "A question"}
        assert messages["Breathe easier"]["Reaction"] == "Positive"
        assert messages["Breathe easier"]["Seconds_Shown"] >= 1  # type: ignore[operator]
        [touched] = ipad.find("Call_Clickstream", where={"CallId": call, "Track_Element": "Poll"})
        assert touched.values["Answer"] == "Most"
    ipad.go_online()
    eventually(lambda: iphone.count("Call_Key_Message", {"CallId": call}) == 2)


def test_who_presents_from_a_call_that_was_signed_meanwhile_is_told_that_nothing_is_noted(
    browser: Browser, running: Running
) -> None:
    ipad, told = running.devices[0], "What you show is not noted: the call was submitted or signed."
    account = ipad.find("Account")[0].id
    with ipad.edit() as edit:
        call = edit.create("Call", {"AccountId": account, "Call_Date": LONG_AGO, "Status": "Saved"})
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/content?call={call}")
        page.get_by_role("button", name="Present Respira: what is new").click()
        expect(page.get_by_role("img", name="Breathe easier")).to_be_visible()
        expect(page.get_by_text(told)).to_be_hidden()
        with ipad.edit() as edit:
            edit.update("Call", call, {"Signature": "c2lnbg==", "Signature_Date": LONG_AGO})
        page.evaluate(SHOWN)
        page.get_by_role("button", name="Next slide").click()
        expect(page.get_by_text(told)).to_be_visible()
        page.goto(f"/content?call={call}")
        expect(page.get_by_text("was submitted or signed: what you show is not noted on it")).to_be_visible()
        page.get_by_role("button", name="Present Respira: what is new").click()
        expect(page.get_by_text(told)).to_be_visible()
    assert ipad.count("Call_Clickstream", {"CallId": call}) == 0


def test_a_leaflet_is_framed_and_nothing_of_the_app_is(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad"), 1) as page:
        page.get_by_role("link", name="Content", exact=True).click()
        expect(page.get_by_text("On this device").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        leaflet = page.get_by_role("button", name="Present Patient leaflet")
        record = str(leaflet.get_attribute("href")).split("/")[-1]
        answer = page.request.get(f"/files/{record}", headers={"range": "bytes=0-4"})
        assert (answer.status, answer.body()) == (206, b"%PDF-")
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert page.request.get("/content").headers["x-frame-options"] == "DENY"
        assert page.request.get("/slides/not-a-secret/index.html").status == 404
        with page.expect_response(re.compile("/files/")) as framed:
            leaflet.click()
        assert framed.value.ok
        expect(page.get_by_text("1 of 1")).to_be_visible()


def test_new_content_is_offered_after_a_sync_and_reminded_of_at_the_next_opening(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    film = publish(running, b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    ipad.sync()
    with app(browser, running.link("iPad")) as page:
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 file is not on this device yet")
        synced = len(ipad.syncs())
        dialog.get_by_role("button", name="OK").click()
        expect(dialog).to_be_hidden()
        assert len(ipad.syncs()) == synced, "a reminder starts nothing"
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="New content is there")).to_be_visible()
        page.get_by_role("button", name="No, later").click()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        page.get_by_role("link", name="Content", exact=True).click()
        page.get_by_role("button", name="Get A new film").click()
        expect(page.get_by_role("button", name="Present A new film")).to_be_visible()
        assert ipad.media.size(film) is not None
        second = publish(running, b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='9'/>", "A second film")
        page.get_by_role("link", name="Home").click()
        page.get_by_role("button", name="Sync", exact=True).click()
        page.get_by_role("button", name="Yes", exact=True).click()
        eventually(lambda: ipad.media.size(second) is not None)


def test_a_film_is_played_from_where_one_likes_and_the_call_says_how_long(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    with app(browser, running.link("iPad")) as page:
        film = publish(running, base64.b64decode(page.evaluate(FILM)), "How it works", "video/webm")
        ipad.sync()
        ipad.media.sync()
        ipad.go_offline()
        page.goto(f"/content?call={call}")
        began = time.monotonic()
        page.get_by_role("button", name="Present How it works").click()
        video = page.locator("video")
        focus(video)
        video.evaluate("v => { v.playbackRate = 0.1 }")  # a slow machine has it paused before it is over
        page.keyboard.press("Space")
        eventually(lambda: float(video.evaluate("v => v.currentTime")) > 0.05)
        page.keyboard.press("Space")
        stopped = video.evaluate("v => [v.paused, v.error]")
        there = video.evaluate("v => new Promise(r => { v.onseeked = () => r(v.currentTime); v.currentTime = 1.5 })")
        assert (stopped, there) == ([True, None], pytest.approx(1.5, abs=0.2))
        page.evaluate(SHOWN)
        page.get_by_role("button", name="Close").click()
        page.wait_for_url(re.compile("/edit$"))
        eventually(lambda: ipad.count("Call_Clickstream", {"CallId": call, "ContentId": film}) == 1)
        [message] = ipad.find("Call_Key_Message", where={"CallId": call, "ContentId": film})
        assert 1 <= int(str(message.values["Seconds_Shown"])) <= time.monotonic() - began + 2


FILM = """async () => {
    const canvas = document.createElement("canvas"), draw = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(20), {mimeType: "video/webm"}), pieces = [];
    recorder.ondataavailable = event => pieces.push(event.data);
    const ended = new Promise(done => { recorder.onstop = done });
    recorder.start();
    for (let n = 0; n < 50; n++) {
        draw.fillStyle = `hsl(${n * 7} 80% 50%)`;
        draw.fillRect(0, 0, 300, 150);
        await new Promise(next => setTimeout(next, 50));
    }
    recorder.stop();
    await ended;
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}"""
"""Two and a half seconds of colours, as the browser itself films them."""


def publish(running: Running, body: bytes, title: str = "A new film", media_type: str = "image/svg+xml") -> RecordId:
    """A new piece of content, as an admin's program brings it."""
    world = system_world()
    with seeding_org(running.uri, "demo", world) as seeding:
        [film] = mint_ids(seeding, "Content", 1)
        about = {"Name": title, "Title": title, "Status": "Approved", "Media_Type": media_type}
        checksum = put(seeding.connection, RecordRef("Content", film), body, world.clock)
        insert_rows(seeding, "Content", [{"Id": film, **about, "Checksum": checksum, "Bytes": len(body)}])
    return film


def test_a_photo_is_made_smaller_kept_offline_and_reaches_the_other_device(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    ipad, iphone = running.devices
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    with app(browser, running.link("iPad"), 1) as page:
        page.set_content("<body style='background: linear-gradient(red, blue)'>")
        page.set_viewport_size({"width": 2400, "height": 1200})
        picture = tmp_path / "shelf.png"
        page.screenshot(path=picture)
        page.set_viewport_size({"width": 390, "height": 844})
        ipad.go_offline()
        page.goto(f"/objects/Call/{call}")
        page.get_by_label("Take or pick a photo or document").set_input_files(picture)
        expect(page.get_by_role("link", name="shelf.jpg")).to_be_visible()
        shown = page.get_by_role("region", name="Attachments").locator("img")
        assert shown.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])") == [1600, 800]
        [kept] = ipad.find("Attachment", where={"CallId": call})
        assert ipad.media.read(kept.id)[:3] == b"\xff\xd8\xff"
        ipad.go_online()
        eventually(lambda: iphone.count("Attachment", {"CallId": call}) == 1)
        eventually(lambda: not ipad.media.item(kept.id).waits)  # type: ignore[union-attr]
    assert iphone.media.sync(only=kept.id).files_received == 1
    assert iphone.media.read(kept.id) == ipad.media.read(kept.id)


def test_an_admin_brings_in_content_and_its_next_version_and_devices_get_both(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    ipad = running.devices[0]
    pictures = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{n}' height='9'/>".encode() for n in (7, 8)]
    picture = tmp_path / "dosing.svg"
    picture.write_bytes(pictures[0])
    with admin(browser, running, "Content") as page:
        page.get_by_role("button", name="Add content").click()
        page.get_by_label("File", exact=True).set_input_files(picture)
        page.get_by_label("Title").fill("Dosing card")
        page.get_by_label("Status").select_option("Approved")
        page.locator("#ProductId").select_option(index=1)
        page.get_by_label("Until").fill("2099-12-31")
        token = page.locator("form.card input[name=page_token]").get_attribute("value")
        wrong = {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"no PDF at all"}
        refused = page.request.post(
            "/console/content/save",
            multipart={"page_token": str(token), "Title": "A", "file": wrong},  # type: ignore[dict-item]
            headers={"origin": running.console.removesuffix("/console")},
        )
        assert refused.status == 422
        assert "it is no picture, PDF, film" in refused.text()
        page.get_by_role("button", name="Save").click()
        row = page.get_by_role("row", name=re.compile("Dosing card"))
        expect(row).to_contain_text("dosing.svg")
        ipad.sync()
        card = ipad.find("Content", where={"Title": "Dosing card"})[0]
        assert [card.values["Valid_Until"], bool(card.values["ProductId"])] == ["2099-12-31", True]
        ipad.media.sync(only=card.id)
        assert ipad.media.read(card.id) == pictures[0]
        row.get_by_role("link", name="Dosing card").click()
        picture.write_bytes(pictures[1])
        page.get_by_label("New version of the file").set_input_files(picture)
        page.get_by_label("Version", exact=True).fill("2")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("row", name=re.compile("Dosing card"))).to_contain_text("2")
    ipad.sync()
    ipad.media.sync(only=card.id)
    assert ipad.media.read(card.id) == pictures[1]


def test_an_approved_e_mail_is_seen_before_it_is_queued_and_only_who_agreed_gets_one(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    ipad.media.sync()
    yes = ipad.find("Account", where={"LastName": "Ackerman"})[0]
    no = ipad.find("Account", where={"Email_Consent": "Opted Out"})[0]
    ipad.go_offline()
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/email/new?AccountId={no.id}")
        expect(page.get_by_role("alert")).to_have_text("This account does not want e-mails.")
        page.goto(f"/accounts/{yes.id}")
        page.get_by_text("New", exact=True).first.click()
        page.get_by_role("link", name="Approved E-mail").click()
        page.get_by_role("link", name=re.compile("Thank you for your time")).click()
        letter = page.frame_locator("iframe.letter")
        expect(letter.get_by_text("Dear Dr. Ackerman,")).to_be_visible()
        page.get_by_label("Your note").fill("See you in <May>.")
        expect(letter.get_by_text("See you in <May>.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.reload()
        expect(page.get_by_label("Your note")).to_have_value("See you in <May>.")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Queued")).to_be_visible()
    [saved] = ipad.find("Sent_Email", where={"AccountId": yes.id})
    assert saved.values["Subject"] == "Respira: thank you, Dr. Ackerman"
    assert saved.values["To_Address"] == yes.values["Email"]
