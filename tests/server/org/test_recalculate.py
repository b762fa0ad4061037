"""A new or changed roll-up is summed up for every master there is, also after a kill in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.server.lab import Lab
from tests.server.save.logic.conftest import prepare
from tests.server.save.logic.packs import orders_pack, rolled

import fieldsync.server.org.recalculate as job
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import deploy_catalog, seeding_org

if TYPE_CHECKING:
    from tests.conftest import Databases


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("logic", prepare))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


def fill(lab: Lab) -> None:
    """Rows that were brought in past the pipeline: nothing is summed up yet."""
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    orders = lab.rows("Purchase", *[{"Name": f"o{i}", "BuyerId": buyer} for i in range(5)])
    lab.rows("Purchase_Line", *[{"Name": "l", "PurchaseId": o, "Price": 10 + i} for i, o in enumerate(orders)])


def due(lab: Lab, *names: str) -> None:
    with seeding_org(lab.uri, "small", lab.world) as seeding:
        job.note_due(seeding.connection, names)


def summed(lab: Lab) -> tuple[list[object], tuple[object, ...]]:
    totals = [total for (total,) in lab.query('SELECT "Total" FROM "Purchase" ORDER BY "Name"')]
    return totals, lab.query('SELECT "Purchases", "Turnover" FROM "Buyer"')[0]


def test_everything_due_is_summed_up_details_first_and_logged(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "CHUNK_MASTERS", 2)
    fill(lab)
    due(lab, "Buyer", "Purchase")
    heard: list[tuple[str, int]] = []
    assert lab.run(job.recalculate(lab.org, lambda *told: heard.append(told))) == 6
    assert summed(lab) == ([10, 11, 12, 13, 14], (5, 60))
    assert heard == [("Purchase", 2), ("Purchase", 4), ("Purchase", 5), ("Purchase", 5), ("Buyer", 1), ("Buyer", 1)]
    logged = lab.query("SELECT object, count(*) FROM _change WHERE kind = 'updated' GROUP BY 1 ORDER BY 1")
    assert logged == [("Buyer", 1), ("Purchase", 5)]
    assert lab.run(job.recalculate(lab.org, lambda *_: None)) == 0


def test_a_job_that_was_killed_goes_on_where_it_was(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "CHUNK_MASTERS", 2)
    fill(lab)
    due(lab, "Purchase")

    def killed(_: str, done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.run(job.recalculate(lab.org, killed))
    assert lab.run(job.recalculate(lab.org, lambda *_: None)) == 1
    assert summed(lab)[0] == [10, 11, 12, 13, 14]


def test_a_deploy_makes_due_what_it_changed_and_what_sums_that_up(lab: Lab) -> None:
    fill(lab)
    pack = orders_pack()
    other = rolled("Total", "Purchase_Line", "PurchaseId", "MAX", "Price", precision=16, scale=2)
    objects = tuple(
        o
        if o.name != "Purchase"
        else msgspec.structs.replace(o, fields=tuple(other if f.name == "Total" else f for f in o.fields))
        for o in pack.objects
    )
    catalog = build([*load_packs(("platform",)), msgspec.structs.replace(pack, objects=objects)])
    assert job.changed_masters(lab.org.catalog, catalog) == ["Purchase", "Buyer"]
    deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=False, allow_drop=False)
    lab.reopen()
    lab.run(job.recalculate(lab.org, lambda *_: None))
    assert summed(lab) == ([10, 11, 12, 13, 14], (5, 60))
