"""The digest: the same numbers in PostgreSQL and in Python, of exactly the rows a device is to have; and the repair."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import BigInteger, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from tests.server.lab import Lab, Phone, create, downloaded, update
from tests.server.save.logic.conftest import lab as orders
from tests.server.save.logic.test_roll_ups import purchase
from tests.server.scope.conftest import lab

from fieldsync.base import limits
from fieldsync.base.ids import ALPHABET, RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance
from fieldsync.protocol import download as lines
from fieldsync.protocol.digest import BUCKETS, Digest, Held, ObjectDigest, Repair, Version, bucket_of, sums
from fieldsync.protocol.upload import Saved
from fieldsync.server.http.context import reading
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import transaction
from fieldsync.server.sync.digest.sums import bucket_in, hash_in
from fieldsync.server.sync.download import Asked, download

__all__ = ["lab", "orders"]


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


@pytest.fixture
def tom(lab: Lab) -> Phone:
    lab.person("tom")
    return lab.phone("tom")


def ask(phone: Phone, asked: Asked) -> tuple[list[lines.Line], lines.End]:
    """A download that ends with a digest. The phone stays where it stood."""

    async def run() -> list[lines.Line]:
        async with reading(phone.lab.org, phone.token) as (work, caller):
            found = download(phone.lab.org, work, caller, phone.checkpoint, asked)
            return [lines.decode_line(line) async for line in found]

    found = phone.lab.run(run())
    end = found[-1]
    assert isinstance(end, lines.End)
    return found, end


def digest(phone: Phone) -> Digest:
    found = ask(phone, Asked(digest=True))[1].digest
    assert found is not None
    return found


def of(found: Digest, name: str) -> ObjectDigest:
    return next(each for each in found.objects if each.object == name)


def versions(found: list[lines.Line], name: str) -> list[tuple[RecordId, int]]:
    return [(RecordId(i), row["_stamp"]) for i, row in downloaded(found, name).items()]


def repair(phone: Phone, name: str, *rows: tuple[str, int], label: str | None = None) -> tuple[Any, ...]:
    """(rows sent, ids that have to go with whether they are told as deleted, how many) for all buckets of an object."""
    held = Held(name, tuple(range(BUCKETS)), rows)  # type: ignore[arg-type]
    asked = Repair(phone.checkpoint or "", label or digest(phone).label, (held,))
    found, end = ask(phone, Asked(repair=asked))
    gone = {one.id: one.deleted for line in found if isinstance(line, lines.Removed) for one in line.gone}
    return set(downloaded(found, name)), gone, end.repaired


def test_postgresql_and_python_compute_the_same_numbers(lab: Lab) -> None:
    chance = SeededChance("digest")
    ids = ["".join(ALPHABET[chance.below(62)] for _ in range(18)) for _ in range(2_000)]
    borders = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1]
    stamps = borders + [chance.below(2 ** (1 + chance.below(63))) for _ in ids[len(borders) :]]
    held = func.unnest(bindparam("ids", type_=ARRAY(Text)), bindparam("stamps", type_=ARRAY(BigInteger)))
    row = held.table_valued("id", "stamp").render_derived(name="held")
    statement = compile_statement(select(bucket_in(row.c.id), hash_in(row.c.id, row.c.stamp)))

    async def run() -> list[tuple[Any, ...]]:
        async with transaction(lab.org.pool) as work:
            return await work.rows(statement, ids=ids, stamps=stamps)

    in_python = []
    for record_id, stamp in zip(ids, stamps, strict=True):
        [alone] = sums([(record_id, stamp)])
        assert (alone.bucket, alone.count) == (bucket_of(record_id), 1)
        in_python.append((alone.bucket, (alone.high << 32 | alone.low) - (alone.high >> 31 << 64)))
    assert lab.run(run()) == in_python
    assert len({bucket for bucket, _ in in_python}) == BUCKETS


def test_the_digest_is_of_the_rows_the_device_was_sent_and_no_others(lab: Lab, sarah: Phone, tom: Phone) -> None:
    for phone in (sarah, tom):
        phone.upload(*(phone.save(create("Clinic", phone.new_id("Clinic"), Name=f"c{i}")) for i in range(20)))
        phone.outcome(create("Note", phone.new_id("Note"), Name="n"))
    for phone in (sarah, tom):
        found, end = ask(phone, Asked(digest=True))
        assert end.digest is not None
        for each in end.digest.objects:
            assert each.version is Version.STAMP
            assert each.buckets == sums(versions(found, each.object)), each.object
        assert sum(bucket.count for bucket in of(end.digest, "Clinic").buckets) == 20
        assert sum(bucket.count for bucket in of(end.digest, "Note").buckets) == 2
    assert ask(sarah, Asked())[1].digest is None, "only where it is asked for"


def test_a_repair_sends_what_is_missing_or_other_and_names_what_has_to_go(lab: Lab, sarah: Phone) -> None:
    clinics = [sarah.new_id("Clinic") for _ in range(4)]
    sarah.upload(*(sarah.save(create("Clinic", clinic, Name="c")) for clinic in clinics))
    held = dict(versions(sarah.download(), "Clinic"))
    missing, older, newer, same = clinics
    nowhere = sarah.new_id("Clinic")
    named = [(older, held[older] - 1), (newer, held[newer] + 5), (same, held[same]), (nowhere, 7)]
    assert repair(sarah, "Clinic", *named) == ({missing, older, newer}, {nowhere: False}, 4)
    assert repair(sarah, "Clinic", *held.items()) == (set(), {}, 0)


def test_a_row_that_is_not_open_to_him_is_answered_like_one_that_is_nowhere(lab: Lab, sarah: Phone, tom: Phone) -> None:
    hidden, nowhere = tom.new_id("Clinic"), tom.new_id("Clinic")
    tom.outcome(create("Clinic", hidden, Name="private"))
    sarah.download()
    assert repair(sarah, "Clinic", (hidden, 1), (nowhere, 1)) == (set(), {hidden: False, nowhere: False}, 2)
    foreign = sarah.new_id("Clinic")
    assert repair(sarah, "Sync_Rule", (foreign, 1)) == (set(), {foreign: False}, 1)
    assert repair(sarah, "Clinic") == (set(), {}, 0), "what he does not name is not told"


def test_after_the_rules_have_changed_nothing_is_compared(lab: Lab, sarah: Phone) -> None:
    clinic = sarah.new_id("Clinic")
    sarah.outcome(create("Clinic", clinic, Name="c", City="Oslo"))
    sarah.download()
    before = digest(sarah)
    [(rule,)] = lab.query('SELECT "Id" FROM "Sync_Rule" WHERE "Object_Name" = \'Clinic\'')
    change = update("Sync_Rule", rule, Type=("full", "top_level"), Where_Clause=(None, "City = 'Bergen'"))
    assert isinstance(lab.phone("admin").outcome(change), Saved)
    assert digest(sarah).label != before.label
    sent, gone, count = repair(sarah, "Clinic", (sarah.new_id("Clinic"), 1), label=before.label)
    assert (sent, count) == (set(), 0)
    assert gone == {clinic: False}, "told by the changed rule, not by the repair"


def test_a_repair_names_no_more_than_the_limit(lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    sarah.download()
    monkeypatch.setattr(limits, "DIGEST_ROWS_MAX", 1)
    with pytest.raises(Refused) as refused:
        repair(sarah, "Clinic", (sarah.new_id("Clinic"), 1), (sarah.new_id("Clinic"), 1))
    assert refused.value.problem.code is Code.TOO_LARGE
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"object":"Clinic","buckets":[256],"rows":[]}', type=Held)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"object":"Clinic","buckets":[1],"rows":[["a\\u0000",1]]}', type=Held)


def test_what_no_formula_reads_of_a_row_above_does_not_change_the_digest(orders: Lab) -> None:
    orders.person("sarah")
    sarah = orders.phone("sarah")
    [buyer] = orders.rows("Buyer", {"Name": "Corner"})
    order, _ = purchase(sarah, buyer, {"Price": 1})
    before = of(digest(sarah), "Purchase")
    assert before.version is Version.WRITTEN
    orders.clock.advance(5)
    sarah.outcome(update("Buyer", buyer, Limit=(None, 70)))
    assert of(digest(sarah), "Purchase") == before
    sarah.outcome(update("Purchase", order, Name=("o", "p")))
    assert of(digest(sarah), "Purchase") != before
