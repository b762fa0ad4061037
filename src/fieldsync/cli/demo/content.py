"""Something to present in the demo: a deck of pictures with a page that answers to touch, a leaflet, and a template of
an e-mail. Invented."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from fieldsync.protocol.email.consent import TEMPLATE
from fieldsync.protocol.email.template import HTML
from fieldsync.protocol.rows import RecordRef
from fieldsync.server.media.keep import put
from fieldsync.server.org.seed import Seeding, insert_rows, mint_ids

DECK = "Respira: what is new"
SUBJECT = "Respira: thank you, {{Account.Salutation}} {{Account.LastName}}"
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Part:
    """A file to show: its title, what it is called and is, what it holds."""

    title: str
    file_name: str
    media_type: str
    body: bytes


def make_content(seeding: Seeding) -> None:
    """The deck with its slides, the leaflet and the template by themselves."""
    deck, *ids = mint_ids(seeding, "Content", 6)
    slides = [_picture("Breathe easier", "#0b6e6e"), _page(), _picture("Dosing in one look", "#274690")]
    parts = [
        *slides,
        _leaflet(),
        Part("Thank you for your time", "thank-you.html", HTML, _asset("letter.html").encode()),
    ]
    rows: list[dict[str, object]] = [
        {"Id": deck, "Name": DECK, "Title": DECK, "Type": "Presentation", "Status": "Approved", "Version": "2"}
    ]
    for place, (record_id, part) in enumerate(zip(ids, parts, strict=True), 1):
        checksum = put(seeding.connection, RecordRef("Content", record_id), part.body, seeding.clock)
        about = {"Media_Type": part.media_type, "File_Name": part.file_name, "Bytes": len(part.body)}
        slide = part in slides
        rows.append(
            {
                "Id": record_id,
                "Name": part.title,
                "Title": part.title,
                "Type": "Key Message" if slide else TEMPLATE if part.media_type == HTML else "Document",
                "Subject": SUBJECT if part.media_type == HTML else None,
                "Status": "Approved",
                "Version": "1",
                "Parent_ContentId": deck if slide else None,
                "Display_Order": place,
                "Checksum": checksum,
                **about,
            }
        )
    insert_rows(seeding, "Content", rows)


def _picture(title: str, colour: str) -> Part:
    svg = _asset("picture.svg").replace("{title}", title).replace("{colour}", colour)
    return Part(title, f"{title.lower().replace(' ', '-')}.svg", "image/svg+xml", svg.encode())


def _page() -> Part:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("index.html", "look.css", "act.js"):
            archive.writestr(zipfile.ZipInfo(f"poll/{name}"), _asset(name))
    return Part("A question", "poll.zip", "application/zip", packed.getvalue())


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _leaflet() -> Part:
    """One page, written by hand: five objects and where each begins."""
    text = b"BT /F1 28 Tf 72 720 Td (Respira 20 mg) Tj 0 -44 Td /F1 16 Tf (Once a day, with or without food.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return Part("Patient leaflet", "leaflet.pdf", "application/pdf", body + head + table + end)
