"""Downloads: everything at first, then exactly what changed, whatever commits late (DESIGN 5, 9)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, delete, downloaded, update

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.download import End, Head, Removed
from fieldsync.server.sync.checkpoint import from_snapshot


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


def test_the_first_download_brings_all_the_profile_may_read_and_nothing_else(lab: Lab, sarah: Phone) -> None:
    shops = lab.rows("Shop", {"Name": "a"}, {"Name": "b"})
    lab.rows("Secret", {"Name": "hidden"})
    lines = sarah.download()
    head = lines[0]
    assert isinstance(head, Head)
    assert head.full
    assert "Secret" not in head.objects
    assert set(downloaded(lines, "Shop")) == set(shops)
    assert downloaded(lines, "Secret") == {}


def test_an_incremental_brings_what_changed_and_what_went(lab: Lab, sarah: Phone) -> None:
    kept, edited, dropped = lab.rows("Shop", {"Name": "a"}, {"Name": "b", "City": "Graz"}, {"Name": "c"})
    sarah.download()
    lab.person("tom")
    tom = lab.phone("tom")
    tom.outcome(update("Shop", edited, City=("Graz", "Lyon")))
    [(seen,)] = lab.query('SELECT _stamp FROM "Shop" WHERE "Id" = %(i)s', i=dropped)
    tom.outcome(delete("Shop", dropped, seen))
    lines = sarah.download()
    assert isinstance(lines[0], Head)
    assert not lines[0].full
    assert list(downloaded(lines, "Shop")) == [edited]
    assert [gone.id for line in lines if isinstance(line, Removed) for gone in line.gone] == [dropped]
    assert kept not in downloaded(lines, "Shop")
    assert downloaded(sarah.download(), "Shop") == {}


def test_a_transaction_that_commits_late_is_not_skipped(lab: Lab, sarah: Phone) -> None:
    """Its stamp is older than what an earlier download showed: only the snapshot tells that it was not seen."""
    lab.rows("Shop", {"Name": "before"})
    pool = lab.org.pool

    async def begin() -> object:
        connection = await pool.getconn()
        await connection.execute('UPDATE "Shop" SET "City" = \'late\', _stamp = pg_current_xact_id()::text::bigint')
        await connection.execute(
            "INSERT INTO _change (day, stamp, version, seq, object, id, kind, at)"
            " SELECT '2026-03-02', _stamp, _stamp, 0, 'Shop', \"Id\", 'updated', now() FROM \"Shop\""
        )
        return connection

    late = lab.run(begin())
    sarah.download()
    lab.person("tom")
    tom = lab.phone("tom")
    early = tom.new_id("Shop")
    tom.outcome(create("Shop", early, Name="committed first"))
    assert set(downloaded(sarah.download(), "Shop")) == {early}
    lab.run(late.commit())  # type: ignore[attr-defined]
    lab.run(pool.putconn(late))  # type: ignore[arg-type]
    assert [row["City"] for row in downloaded(sarah.download(), "Shop").values()] == ["late"]
    assert downloaded(sarah.download(), "Shop") == {}


def test_the_feed_goes_on_where_the_download_stood(lab: Lab, sarah: Phone) -> None:
    iphone = lab.phone("sarah", "iphone")
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="before"))
    iphone.download()
    after = sarah.new_id("Shop")
    sarah.outcome(create("Shop", after, Name="after"))
    assert [family.root.id for family in iphone.feed().families] == [after]


def test_a_checkpoint_of_another_device_or_user_is_refused(lab: Lab, sarah: Phone) -> None:
    sarah.download()
    iphone = lab.phone("sarah", "iphone")
    iphone.checkpoint = sarah.checkpoint
    with pytest.raises(Refused) as refused:
        iphone.download()
    assert refused.value.problem.code is Code.BAD_CURSOR


def test_a_download_ends_with_a_count_of_its_rows(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", *({"Name": str(i)} for i in range(5)))
    lines = sarah.download()
    end = lines[-1]
    assert isinstance(end, End)
    assert end.rows == 5 + len(downloaded(lines, "User"))


def test_a_snapshot_becomes_stamps_by_the_epochs_offset() -> None:
    found = from_snapshot("10:15:11,13", 1000, nonce="n", day="2026-03-02", binding="b")
    assert (found.xmin, found.xmax, found.running) == (1010, 1015, (1011, 1013))
