"""A text that is longer than its field holds: on the device, on the server and on her other device as a file.

Real server, real devices, over HTTP (FEATURES L06).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.limits import TEXT_FILE_BYTES_MAX
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.device.media.plan import Where
from fieldsync.protocol.media import PIECE_BYTES, in_row, text_file

PACK = """
name: notes
label: Notes
objects:
  - name: Visit
    label: Visit
    prefix: v00
    sharing: private
    family:
      conflict: override
      submit:
        field: Status
        value: Submitted
        when_edited_elsewhere: duplicate
        duplicate: {status: Open, original: OriginalId, link: DuplicateId, reason: Reason, without: [Signature]}
    fields:
      - {name: Status, type: picklist, values: [{value: Open, default: true}, {value: Submitted}]}
      - {name: Signature, type: base64}
      - {name: OriginalId, type: lookup, references: Visit}
      - {name: DuplicateId, type: lookup, references: Visit}
      - {name: Reason, type: text}
      - {name: Report, type: long_text, label: Report, length: 1000}
      - {name: Summary, type: long_text, label: Summary, length: 1000}
      - {name: Aside, type: long_text, label: Aside, length: 1000}
sync_rules:
  - {object: Visit, type: full, attachment_fields: [Report, Summary]}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""
LONGEST = "é" * (TEXT_FILE_BYTES_MAX // 4) + "n" * (TEXT_FILE_BYTES_MAX // 2)


@pytest.fixture(scope="module")
def scene(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str, str]]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("notes"), PACK) as made:
        yield made
    databases.drop(name)


def write(device: Device, **values: str) -> RecordId:
    with device.edit() as edit:
        return edit.create("Visit", {"Name": "A visit", **values})


def told(device: Device, visit: RecordId, field: str = "Report") -> str | None:
    found = device.get("Visit", visit)
    assert found is not None
    return device.media.text(visit, field, found.values[field])


def sent(device: Device) -> bool:
    catch_up(device)
    return not any(item.waits for item in device.media.items())


def test_the_longest_text_goes_up_as_a_file_and_one_byte_more_or_another_field_is_refused(
    scene: tuple[Stage, str, str],
) -> None:
    stage, sarah, _ = scene
    ipad = stage.device(sarah, "longest-ipad", started=False)
    iphone = stage.device(sarah, "longest-iphone", started=False)
    assert len(LONGEST.encode()) == TEXT_FILE_BYTES_MAX
    ipad.go_offline()
    for values in ({"Report": LONGEST + "n"}, {"Report": "n" * (TEXT_FILE_BYTES_MAX + 1)}, {"Aside": "n" * 1001}):
        with pytest.raises(Refused) as refused:
            write(ipad, **values)
        assert refused.value.problem.code in (Code.OUT_OF_RANGE, Code.TOO_LONG)
        assert refused.value.problem.field == next(iter(values))
    visit = write(ipad, Report=LONGEST, Summary="all of it in the row")
    assert told(ipad, visit) == LONGEST, "there before any network"

    ipad.go_online()
    assert sent(ipad)
    row = stage.rows("Visit")[visit]
    file = text_file(row["Report"])
    assert file is not None
    assert (file.bytes, len(row["Report"]) <= 1000) == (TEXT_FILE_BYTES_MAX, True)
    assert LONGEST.startswith(file.head)
    assert row["Summary"] == "all of it in the row"
    iphone.sync()
    assert told(iphone, visit) is None
    assert iphone.media.sync(new=False).files_received == 1, "it comes by itself: it is the rest of a row"
    iphone.go_offline()
    assert told(iphone, visit) == LONGEST


def test_the_server_takes_no_text_of_another_field_none_that_is_larger_and_none_that_is_not_what_the_row_says(
    scene: tuple[Stage, str, str],
) -> None:
    stage, sarah, tom = scene
    ipad = stage.device(sarah, "forging-ipad", started=False)
    toms = stage.device(tom, "forging-toms", started=False)
    body, large = b"a text" * 500, b"n" * (TEXT_FILE_BYTES_MAX + 1)
    visit = write(ipad, Aside=in_row("a text", body, 1000), Report=in_row("n", large, 1000))
    other = write(ipad, Report=in_row("a text", body, 1000))
    catch_up(ipad)

    def bring(device: Device, record: RecordId, whole: bytes, piece: bytes) -> Code | bool:
        path, checksum = f"/sync/v1/media/Visit/{record}", hashlib.sha256(whole).hexdigest()
        try:
            return device._calls.post_piece(path, piece, checksum=checksum, offset="0").whole
        except Refused as refused:
            return refused.problem.code

    assert bring(ipad, visit, body, body) is Code.NOT_FOUND
    assert bring(ipad, visit, large, large[:PIECE_BYTES]) is Code.TOO_LARGE
    assert bring(toms, other, body, body) is Code.NOT_FOUND
    assert bring(ipad, other, body, body[::-1]) is False
    assert bring(ipad, other, body, body) is True


def test_a_text_follows_its_row_changed_made_short_and_gone(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, tom = scene
    ipad = stage.device(sarah, "follows-ipad", started=False)
    iphone = stage.device(sarah, "follows-iphone", started=False)
    visit = write(ipad, Report="first " * 1000, Summary="first " * 1000)
    assert sent(ipad)
    iphone.sync()
    assert iphone.media.sync().files_received >= 2
    toms = stage.device(tom, "follows-toms", started=False)
    assert toms.media.items() == [], "who may not read the record has nothing of its texts"

    with ipad.edit() as edit:
        edit.update("Visit", visit, {"Report": "second " * 1000})
    assert told(ipad, visit) == ("second " * 1000).rstrip()
    assert told(ipad, visit, "Summary") == ("first " * 1000).rstrip()
    assert sent(ipad)
    iphone.sync()
    assert iphone.media.item(f"{visit}.Report").where is Where.OLD  # type: ignore[union-attr]
    assert told(iphone, visit) is None, "the row is newer than the file: it is not read as its text"
    assert iphone.media.sync(new=False).files_received == 1
    assert told(iphone, visit) == ("second " * 1000).rstrip()

    iphone.go_offline()
    gone = write(iphone, Report="never sent " * 1000)
    with iphone.edit() as edit:
        edit.delete("Visit", gone)
    assert not iphone.queue()
    iphone.go_online()
    with iphone.edit() as edit:
        edit.update("Visit", visit, {"Report": "short"})
    assert sent(iphone)
    assert iphone.media.sync().files_removed == 1, "the text that is all in its row needs no file"
    assert [one.id for one in iphone.media.files.held() if one.id[:18] in (visit, gone)] == [f"{visit}.Summary"]
    assert told(iphone, visit) == "short"
    assert stage.rows("Visit")[visit]["Report"] == "short"


def test_a_text_written_of_a_visit_that_was_submitted_elsewhere_is_the_duplicates(
    scene: tuple[Stage, str, str],
) -> None:
    stage, sarah, _ = scene
    ipad = stage.device(sarah, "twice-ipad", started=False)
    iphone = stage.device(sarah, "twice-iphone", started=False)
    visit = write(ipad, Report="before " * 1000, Summary="kept " * 1000)
    assert sent(ipad)
    iphone.sync()
    iphone.media.sync()
    with iphone.edit() as edit:
        edit.update("Visit", visit, {"Report": "offline " * 1000})
    with ipad.edit() as edit:
        edit.update("Visit", visit, {"Status": "Submitted"})
    catch_up(ipad)
    assert sent(iphone)
    [copy] = iphone.find("Visit", where={"OriginalId": visit})
    desk = stage.device(sarah, "twice-desk", started=False)
    desk.media.sync()
    assert told(desk, visit) == ("before " * 1000).rstrip()
    assert told(desk, copy.id) == ("offline " * 1000).rstrip(), "what was written is not lost"
    assert told(desk, copy.id, "Summary") == ("kept " * 1000).rstrip(), "what was copied has its file, too"
