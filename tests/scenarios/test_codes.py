"""Every code of the sync errors (FEATURES G03), produced on real parts: what a person is told, and what he can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.scenarios.codes_stage import PACK, Told, catalog, org_of_codes
from tests.scenarios.stage import wait_for

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import CATALOGUE, Code, Problem, Refused
from fieldsync.device import Device
from fieldsync.server.org.create import deploy_catalog

if TYPE_CHECKING:
    from tests.conftest import Databases

G03 = (
    *(Code.PERMISSION, Code.FIELD_PERMISSION, Code.VISIBILITY_LOST, Code.CONFLICT_OLD_VALUE, Code.DELETE_DENIED),
    *(Code.LOCKED, Code.BACKDATE, Code.VALIDATION, Code.DUPLICATE, Code.ENTITY_DELETED, Code.INVALID_REF),
    *(Code.RECORD_TYPE, Code.FUTURE_DATE, Code.ROW_LOCK, Code.TIMEOUT, Code.AUTH, Code.METADATA_CHANGED),
)
"""The set, in the order in which its stories can be told on one org."""


@pytest.fixture(scope="module")
def told(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    database = databases.create()
    with org_of_codes(databases.uri(database), tmp_path_factory.mktemp("codes")) as made:
        yield made
    databases.drop(database)


def update(record: RecordId, **values: object) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.update("Card", record, values)

    return act


def delete(record: RecordId) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.delete("Card", record)

    return act


def permission(told: Told) -> Problem:
    return told.changed("reader", "Card", told.card("reader"), Notes="mine")


def field_permission(told: Told) -> Problem:
    return told.changed("clerk", "Card", told.card("clerk"), Fee=5)


def visibility_lost(told: Told) -> Problem:
    """An admin gives Sarah's diary to Tom while she writes in it."""
    sarah, admin = told.device("sarah"), told.device("admin")
    with sarah.edit() as edit:
        diary = edit.create("Diary", {"Name": "d", "Notes": "base"})
    wait_for(lambda: diary in told.stage.rows("Diary"))
    assert admin.sync().successful
    sarah.go_offline()
    with admin.edit() as edit:
        edit.update("Diary", diary, {"OwnerId": told.device("tom").account.user.id})  # type: ignore[union-attr]
    wait_for(lambda: not admin.queue())
    with sarah.edit() as edit:
        edit.update("Diary", diary, {"Notes": "mine"})
    sarah.go_online()
    return told.refused("sarah", diary)


def conflict_old_value(told: Told) -> Problem:
    card = told.card("tom")
    return told.meanwhile("tom", update(card, Notes="his"), card, Notes="hers")


def delete_denied(told: Told) -> Problem:
    card, sarah, tom = told.card("tom"), told.device("sarah"), told.device("tom")
    sarah.go_offline()
    update(card, Notes="his")(tom)
    wait_for(lambda: not tom.queue())
    delete(card)(sarah)
    sarah.go_online()
    return told.refused("sarah", card)


def submitted(told: Told, days_ago: int, status: str = "Sent") -> RecordId:
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()
    with told.device("sarah").edit() as edit:
        return edit.create("Report", {"Name": "r", "Status": status, "Day": day})


def locked(told: Told) -> Problem:
    report = submitted(told, 1)
    wait_for(lambda: report in told.stage.rows("Report"))
    assert told.device("sarah").sync().successful
    return told.changed("sarah", "Report", report, Notes="late")


def backdate(told: Told) -> Problem:
    return told.refused("sarah", submitted(told, 31))


def future_date(told: Told) -> Problem:
    return told.refused("sarah", submitted(told, -2))


def validation(told: Told) -> Problem:
    return told.changed("sarah", "Card", told.card(), Notes="bad")


def duplicate(told: Told) -> Problem:
    told.card(Number="7")
    return told.changed("sarah", "Card", told.card(), Number="7")


def entity_deleted(told: Told) -> Problem:
    card = told.card("tom")
    return told.meanwhile("tom", delete(card), card, Notes="hers")


def invalid_ref(told: Told) -> Problem:
    parent, child = told.card("tom"), told.card("tom")
    return told.meanwhile("tom", delete(parent), child, ParentId=parent)


def record_type(told: Told) -> Problem:
    """Her profile lists the plain ones alone."""
    gold = next(i for i, row in told.stage.rows("RecordType").items() if row["Name"] == "Gold")
    return told.changed("sarah", "Card", told.card(), RecordTypeId=gold)


def tried_often(told: Told) -> None:
    """What waits to be tried again is at its last try."""
    often = "UPDATE org_codes._undecided SET locked_times = %s WHERE due_at IS NOT NULL RETURNING 1"
    with psycopg.connect(told.stage.uri, autocommit=True) as connection:
        wait_for(lambda: connection.execute(often, [limits.LOCK_RETRIES_MAX]).fetchall())


def row_lock(told: Told) -> Problem:
    """What is processed later meets a save that holds its record, again and again."""
    card, later = told.card("later"), told.device("later")
    with psycopg.connect(told.stage.uri) as holder:
        holder.execute('SELECT 1 FROM org_codes."Card" WHERE "Id" = %s FOR UPDATE', [card])
        update(card, Notes="waits")(later)
        tried_often(told)
        return told.refused("later", card)


def timeout(told: Told) -> Problem:
    """It holds up nobody while the server tries it again; then it is in the error list, and can be resent."""
    card, other, sarah = told.card(), told.card(), told.device("sarah")
    update(card, Notes="slow")(sarah)
    update(other, Notes="quick")(sarah)
    wait_for(lambda: told.stage.rows("Card")[other]["Notes"] == "quick")
    tried_often(told)
    found = told.refused("sarah", card)
    with psycopg.connect(told.stage.uri) as connection:
        connection.execute('DROP TRIGGER slow ON org_codes."Card"')
    [entry] = [one for one in sarah.errors() if card in one.records]
    sarah.resend(entry.n)
    wait_for(lambda: told.stage.rows("Card")[card]["Notes"] == "slow")
    return found


def auth(told: Told) -> Problem:
    """Who may not sign in any more keeps what he saved."""
    leaver, admin = told.device("leaver"), told.device("admin")
    leaver.go_offline()
    with leaver.edit() as edit:
        edit.create("Card", {"Name": "kept"})
    with admin.edit() as edit:
        edit.update("User", leaver.account.user.id, {"IsActive": False})  # type: ignore[union-attr]
    wait_for(lambda: not admin.queue())
    assert admin.errors() == []
    leaver.go_online()
    with pytest.raises(Refused) as caught:
        leaver.sync()
    assert len(leaver.queue()) == 1
    return caught.value.problem


def metadata_changed(told: Told) -> Problem:
    card, sarah = told.card(), told.device("sarah")
    sarah.go_offline()
    update(card, Extra="mine")(sarah)
    less = catalog("\n".join(line for line in PACK.splitlines() if "Extra" not in line))
    deploy_catalog(told.stage.uri, "codes", less, world=told.stage.world, dry_run=False, allow_drop=True)
    sarah.go_online()
    return told.refused("sarah", card)


STORIES: dict[Code, Callable[[Told], Problem]] = {
    Code.PERMISSION: permission,
    Code.FIELD_PERMISSION: field_permission,
    Code.VISIBILITY_LOST: visibility_lost,
    Code.CONFLICT_OLD_VALUE: conflict_old_value,
    Code.DELETE_DENIED: delete_denied,
    Code.LOCKED: locked,
    Code.BACKDATE: backdate,
    Code.VALIDATION: validation,
    Code.DUPLICATE: duplicate,
    Code.ENTITY_DELETED: entity_deleted,
    Code.INVALID_REF: invalid_ref,
    Code.RECORD_TYPE: record_type,
    Code.FUTURE_DATE: future_date,
    Code.ROW_LOCK: row_lock,
    Code.TIMEOUT: timeout,
    Code.AUTH: auth,
    Code.METADATA_CHANGED: metadata_changed,
}


def test_every_code_of_the_set_has_its_story() -> None:
    assert STORIES.keys() == set(G03)


@pytest.mark.parametrize("code", G03, ids=str)
def test_the_code_comes_with_a_sentence_and_a_remedy(told: Told, code: Code) -> None:
    found = STORIES[code](told)
    assert found.code is code
    assert found.message
    assert "(" not in found.message, "every place of the sentence is filled in"
    assert found.remedy == CATALOGUE[code].remedy
    assert found.remedy
