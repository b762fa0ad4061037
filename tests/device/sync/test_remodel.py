"""A changed data model comes first and alters the tables; queue, base images, drafts, open pages and errors stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from tests.device.lab import Lab, items_of, rejected

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.download import Head, encode_line
from fieldsync.protocol.feed import FamilyImage, FeedPage
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import Catalog, build, encode
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.model import Field, FieldType, Object, Pack

Change = Callable[[Object], Object | None]


def remodel(lab: Lab, change: Change, *more: Object) -> None:
    """The server deploys another data model: every object as `change` leaves it, and more."""
    pack = lab.script.catalog.packs[0]
    kept = (found for one in pack.objects if (found := change(one)) is not None)
    deploy(lab, build([msgspec.structs.replace(pack, objects=(*kept, *more))]))
    lab.sign_in()


def deploy(lab: Lab, model: Catalog) -> None:
    lab.script.catalog = model
    lab.script.always["catalog"] = encode(model)


def fields(*names: str, add: Iterable[Field] = ()) -> Callable[[Object], Object]:
    """An object without these fields, and with others."""
    return lambda o: msgspec.structs.replace(o, fields=(*(f for f in o.fields if f.name not in names), *add))


def on(name: str, change: Change) -> Change:
    return lambda o: change(o) if o.name == name else o


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, Any]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number}", **values}


def value(lab: Lab, name: str, record_id: RecordId, column: str) -> object:
    record = lab.device.get(name, record_id)
    assert record is not None
    return record.values.get(column, "no such column")


def kept(lab: Lab) -> dict[str, list[tuple[Any, ...]]]:
    """Everything of a person's that no data model may touch."""
    with lab.device._store.read() as work:
        return {t: work.rows(f"SELECT * FROM {t} ORDER BY 1, 2") for t in ("_queue", "_touch", "_draft", "_undone")}


def news(lab: Lab, *rows: dict[str, Any]) -> FeedPage:
    refs = [RecordRef("Shop", row["Id"]) for row in rows]
    return FeedPage("cursor2", tuple(FamilyImage(ref, (ref,)) for ref in refs), (lab.block("Shop", *rows),))


def step(lab: Lab, *pages: FeedPage) -> None:
    lab.script.then("feed", *pages)
    lab.device.wake()
    lab.device.step()


def busy(lab: Lab) -> tuple[list[RecordId], str]:
    """A failed edit, pending ones, a draft, and a page that is open with news behind it."""
    ids = [lab.server_id("Shop", n) for n in range(4)]
    lab.download(lab.block("Shop", *(shop(lab, n, City="a", Visits=3, Big=7) for n in range(4))))
    with lab.device.edit() as edit:
        edit.update("Shop", ids[0], {"City": "failed", "Active": True})
    lab.upload(lab.outcome(rejected()))
    token = lab.device.view("Shop", ids[2]).token
    step(lab, news(lab, shop(lab, 2, 9, City="news", Visits=4)))
    with lab.device.edit() as edit:
        edit.update("Shop", ids[1], {"City": "pending", "Visits": 5})
        visit = edit.create("Visit", {"ShopId": ids[1]})
        edit.create("Line_Part", {"LineId": edit.create("Visit_Line", {"VisitId": visit}), "Size": "L"})
    lab.device.drafts.put("form", {"City": "half"})
    return ids, token


def test_nothing_a_person_did_is_lost_whatever_the_data_model_does(lab: Lab) -> None:
    ids, token = busy(lab)
    before, errors = kept(lab), lab.device.errors()
    zip_code, text = Field(name="Zip", type=FieldType.TEXT, required=True), Field(name="Visits", type=FieldType.TEXT)
    change = on("Shop", fields("City", "Visits", add=(zip_code, text)))
    new = Object(name="New", label="New", prefix="a09")
    remodel(lab, lambda o: None if o.name == "Line_Part" else change(o), new)
    assert kept(lab) == before
    assert lab.device.errors() == errors
    assert [e.n for e in lab.device.queue()] == [2, 3]
    assert [value(lab, "Shop", ids[1], c) for c in ("City", "Visits", "Big", "Zip")] == ["no such column", "5", 7, None]
    assert lab.device.views.renew(token)
    assert lab.device.views.news(token)
    with pytest.raises(Refused):
        lab.device.find("Line_Part")
    assert lab.device.count("New") == 0
    lab.reopen()
    assert kept(lab) == before
    answered = lab.block("Shop", *(shop(lab, n, 9 if n == 2 else 5, Visits=f"v{n}", Zip=f"z{n}") for n in range(4)))
    lab.script.then("upload", lab.outcome(rejected(Code.METADATA_CHANGED)))
    lab.download(answered, full=False)
    assert [value(lab, "Shop", i, "Zip") for i in ids] == [None, None, None, "z3"], "those that are busy wait"
    for entry in lab.device.errors():
        lab.device.undo(entry.n)
    lab.device.views.close(token)
    assert [value(lab, "Shop", i, "Zip") for i in ids] == ["z0", "z1", "z2", "z3"]
    assert [value(lab, "Shop", i, "Visits") for i in ids] == ["v0", "v1", "v2", "v3"]


def test_values_stay_where_they_fit_the_new_type(lab: Lab) -> None:
    values: dict[str, Any] = {"City": "12.5", "Big": 7, "Visits": 3, "Active": True}
    lab.download(lab.block("Shop", shop(lab, 1, **values), shop(lab, 2, City="north")))
    turned = {"City": FieldType.NUMBER, "Big": FieldType.TEXT, "Visits": FieldType.DATE, "Active": FieldType.TEXT}
    added = [Field(name=n, type=t, scale=2 if t is FieldType.NUMBER else None) for n, t in turned.items()]
    remodel(lab, on("Shop", fields(*turned, add=added)))
    one, two = lab.server_id("Shop", 1), lab.server_id("Shop", 2)
    assert [str(value(lab, "Shop", one, c)) for c in turned] == ["12.50", "7", "None", "1"]
    assert value(lab, "Shop", two, "City") is None
    assert [r.values["Name"] for r in lab.device.find("Shop", order_by="City")] == ["S2", "S1"]


def test_a_family_that_is_declared_waits_for_what_its_new_members_do(lab: Lab) -> None:
    here, there = lab.server_id("Shop", 1), lab.server_id("Shop", 2)
    parent = Field(name="ParentId", type=FieldType.MASTER_DETAIL, references="Group")
    group = Object(name="Group", label="Group", prefix="a08", fields=())
    loose = msgspec.structs.replace(parent, type=FieldType.LOOKUP)
    remodel(lab, on("Shop", fields("ParentId", add=(loose,))), group)
    root = lab.server_id("Group", 1)
    lab.download(
        lab.block("Group", {"Id": root, "_stamp": 5, "Name": "G"}),
        lab.block("Shop", *(shop(lab, n, ParentId=root, City="a") for n in (1, 2))),
    )
    with lab.device.edit() as edit:
        edit.update("Shop", here, {"City": "mine"})
    family = msgspec.structs.replace(group, family=FamilyDeclaration())
    remodel(lab, lambda o: family if o.name == "Group" else on("Shop", fields("ParentId", add=(parent,)))(o))
    lab.script.then("upload", lab.outcome(rejected()))
    lab.download(lab.block("Shop", *(shop(lab, n, 9, ParentId=root, City="theirs") for n in (1, 2))), full=False)
    assert [value(lab, "Shop", i, "City") for i in (here, there)] == ["mine", "a"], "the family is one now, and busy"
    lab.device.undo(1)
    assert [value(lab, "Shop", i, "City") for i in (here, there)] == ["theirs", "theirs"]


def test_a_family_that_is_declared_no_more_keeps_each_records_edit(lab: Lab) -> None:
    ids = {n: lab.server_id(n, 1) for n in ("Visit", "Visit_Line", "Line_Part")}
    rows = [
        lab.block("Visit", {"Id": ids["Visit"], "_stamp": 5, "Notes": "a"}),
        lab.block("Visit_Line", {"Id": ids["Visit_Line"], "_stamp": 5, "VisitId": ids["Visit"], "Product": "a"}),
        lab.block("Line_Part", {"Id": ids["Line_Part"], "_stamp": 5, "LineId": ids["Visit_Line"], "Size": "a"}),
    ]
    lab.download(*rows)
    part = lab.device.view("Line_Part", ids["Line_Part"])
    lab.download(lab.block("Line_Part", {"Id": ids["Line_Part"], "_stamp": 6, "LineId": ids["Visit_Line"]}), full=False)
    part.close()
    with lab.device.edit() as edit:
        edit.update("Visit", ids["Visit"], {"Notes": "mine"})
        edit.update("Visit_Line", ids["Visit_Line"], {"Product": "mine"})
    remodel(lab, on("Visit", lambda o: msgspec.structs.replace(o, family=None)))
    with lab.device.edit() as edit:
        edit.update("Visit_Line", ids["Visit_Line"], {"Product": "mine again"})
    lab.script.then("upload", lab.outcome(rejected(Code.FAMILY)))
    theirs = {"VisitId": ids["Visit"], "Product": "theirs"}
    lab.download(
        lab.block("Visit", {"Id": ids["Visit"], "_stamp": 9, "Notes": "theirs"}),
        lab.block("Visit_Line", {"Id": ids["Visit_Line"], "_stamp": 9, **theirs}),
        full=False,
    )
    shown = [("Visit", "Notes"), ("Visit_Line", "Product"), ("Line_Part", "Size")]
    assert [value(lab, n, ids[n], c) for n, c in shown] == ["mine", "mine again", None]
    lab.device.undo(1)
    assert [value(lab, n, ids[n], c) for n, c in shown] == ["theirs", "theirs", None]
    assert lab.device.queue() == lab.device.errors() == []


def test_news_of_a_newer_data_model_fetch_it_first(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    model = lab.script.catalog.packs[0]
    shops = msgspec.structs.replace(model.objects[1], fields=(Field(name="Zip", type=FieldType.TEXT),))
    deploy(lab, build([msgspec.structs.replace(model, objects=(model.objects[0], shops, *model.objects[2:]))]))
    page = news(lab, shop(lab, 1, 9, Zip="1010"))
    step(lab, page, page)
    assert value(lab, "Shop", lab.server_id("Shop", 1), "Zip") == "1010"
    assert [path.partition("?")[0][9:] for _, path, _ in lab.script.asked[-3:]] == ["feed", "catalog", "feed"]


def test_the_answer_to_an_upload_tells_of_a_newer_data_model_too(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1)))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    old = lab.script.catalog.version
    pack = lab.script.catalog.packs[0]
    deploy(lab, build([*lab.script.catalog.packs[:-1], pack_with(pack, Field(name="Zip", type=FieldType.TEXT))]))
    lab.upload(lab.saved(Zip="1010"))
    lab.script.always["feed"] = FeedPage("cursor2")
    lab.device.step()
    assert lab.device.catalog.version != old
    assert lab.device.errors() == lab.device.queue() == []


def pack_with(pack: Pack, field: Field) -> Pack:
    grown = on("Shop", fields(add=(field,)))
    return msgspec.structs.replace(pack, objects=tuple(grown(o) or o for o in pack.objects))


def test_a_data_model_this_app_cannot_read_changes_nothing_and_uploads_go_on(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="a")))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    version = lab.device.catalog.version
    strange = encode(lab.script.catalog).replace(b'"type":"checkbox"', b'"type":"hologram"')
    lab.script.always["catalog"] = strange
    lab.script.then("upload", lab.saved())
    head = Head(True, "another", ("Shop",))
    lab.script.then("download", [encode_line(head)])
    with pytest.raises(Refused) as refused:
        lab.device.sync()
    assert refused.value.problem.code is Code.APP_TOO_OLD
    assert lab.device.queue() == []
    lab.reopen()
    assert lab.device.catalog.version == version
    assert value(lab, "Shop", lab.server_id("Shop", 1), "City") == "mine"
    assert [r.problem.code for r in lab.device.syncs() if r.problem] == [Code.APP_TOO_OLD]


def refused_edit(lab: Lab) -> RecordId:
    """An edit of two fields, one of which the server then drops."""
    shop_id = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", shop(lab, 1, City="a", Visits=3)))
    with lab.device.edit() as edit:
        edit.update("Shop", shop_id, {"City": "mine", "Visits": 4})
    remodel(lab, on("Shop", fields("City")))
    lab.upload(lab.outcome(rejected(Code.METADATA_CHANGED)))
    return shop_id


def test_what_a_dropped_field_held_is_told_and_the_rest_can_be_sent_again(lab: Lab) -> None:
    shop_id = refused_edit(lab)
    (entry,) = lab.device.errors()
    assert [(c.column, c.old, c.new) for c in entry.content] == [("City", "a", "mine"), ("Visits", 3, 4)]
    with lab.device.view("Shop", shop_id):
        lab.device.resend(entry.n)
    assert lab.device.errors() == []
    assert (lab.device.undone(), [e.n for e in lab.device.queue()]) == ([1], [2])
    lab.upload(lab.saved())
    ((n, (item,)),) = items_of(lab.script.uploads[-1])
    assert (n, item.changes["Visits"].old, item.changes["Visits"].new, len(item.changes)) == (2, 3, 4, 1)
    assert lab.script.uploads[-1].undone == (1,)
    assert value(lab, "Shop", shop_id, "Visits") == 4


def test_what_was_corrected_meanwhile_goes_along_on_the_servers_present_version(lab: Lab) -> None:
    shop_id = refused_edit(lab)
    with lab.device.edit() as edit:
        edit.update("Shop", shop_id, {"Visits": 5})
    step(lab, news(lab, shop(lab, 1, 9, Visits=7)))
    assert [e.n for e in lab.device.errors()] == [1, 2]
    lab.device.resend(1)
    lab.upload(lab.saved())
    ((n, (item,)),) = items_of(lab.script.uploads[-1])
    assert (n, item.changes["Visits"].old, item.changes["Visits"].new) == (3, 7, 5)


def test_a_save_of_nothing_but_dropped_things_leaves_nothing_to_send(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="a")))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
        edit.create("Visit", {"ShopId": lab.server_id("Shop", 1)})
    gone = ("Visit", "Visit_Line", "Line_Part")
    remodel(lab, lambda o: None if o.name in gone else on("Shop", fields("City"))(o))
    lab.upload(lab.outcome(rejected(Code.METADATA_CHANGED)))
    assert {c.object for e in lab.device.errors() for c in e.content} == {"Shop", "Visit"}
    for entry in lab.device.errors():
        lab.device.resend(entry.n)
    assert lab.device.queue() == lab.device.errors() == []
    assert lab.device.undone() == [1, 2]


def test_a_device_knows_how_old_its_data_model_is(lab: Lab) -> None:
    lab.clock.advance(60)
    remodel(lab, on("Shop", fields("City")))
    assert lab.device.account is not None
    assert lab.device.account.model_at == "2026-03-02T08:01:00+00:00"


def test_a_field_that_the_data_model_indexes_is_found_by_an_index(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, City="Graz")))
    remodel(lab, on("Shop", fields("City", add=(Field(name="City", type=FieldType.TEXT, indexed=True),))))
    with lab.device._store.read() as work:
        asked = """SELECT Id FROM "Shop" INDEXED BY "Shop.City" WHERE "City" = 'Graz'"""
        assert work.value(asked) == lab.server_id("Shop", 1)
