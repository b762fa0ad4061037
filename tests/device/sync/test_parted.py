"""A device on a server that was restored: it names what it has since the histories parted, and gets it as it is now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from tests.device.lab import Lab, error, rejected
from tests.device.sync.test_digest import asked, repairs, shop

from fieldsync.base import limits
from fieldsync.base.problems import Code, problem
from fieldsync.protocol.digest import Repair
from fieldsync.protocol.rows import Gone, RowBlock

PARTED_AT = 100


def parted(lab: Lab, stamp: int = PARTED_AT) -> None:
    """The next download is refused: the histories are one up to this stamp."""
    lab.script.then("download", error(409, problem(Code.FORK, reason="restored", stamp=stamp)))


def named(lab: Lab) -> set[tuple[str, int]]:
    (repair,) = repairs(lab)
    assert all(held.buckets == () for held in repair.held)
    return {row for held in repair.held for row in held.rows}


def cities(lab: Lab) -> list[object]:
    return [record.values["City"] for record in lab.device.find("Shop")]


def rejoined(lab: Lab, right: Sequence[RowBlock], *blocks: RowBlock, gone: tuple[Gone, ...] = ()) -> None:
    """A sync that learns of the restore and gets this; what is right then."""
    parted(lab)
    lab.script.then("digest", lab.lines(*blocks, gone=gone, digest=lab.digest(*right)))
    report = lab.device.sync()
    assert (report.successful, report.verified) == (True, True)


def test_what_it_has_since_the_histories_parted_is_named_and_comes_as_it_is_now(lab: Lab) -> None:
    """One row has the very stamp of the other history's, and other content: no comparison would tell."""
    shared, twin, older = shop(lab, 1, 99), shop(lab, 2, 101, City="lost"), shop(lab, 3, 500, City="lost")
    lab.download(lab.block("Shop", shared, twin, older, shop(lab, 4, 300)))
    now = [shop(lab, 2, 101, City="kept"), shop(lab, 3, 20, City="kept")]
    gone = (Gone("Shop", lab.server_id("Shop", 4), 102, False),)
    rejoined(lab, [lab.block("Shop", shared, *now)], lab.block("Shop", *now), gone=gone)
    assert named(lab) == {(lab.server_id("Shop", n), stamp) for n, stamp in ((2, 101), (3, 500), (4, 300))}
    assert repairs(lab)[0].named_from == PARTED_AT
    assert cities(lab) == [None, "kept", "kept"]
    assert "refresh" not in asked(lab)[-3:]


def test_what_the_lost_history_took_away_is_found_by_the_digest(lab: Lab) -> None:
    taken = shop(lab, 1, 50, City="back")
    lab.download(lab.block("Shop", shop(lab, 2, 60)))
    parted(lab)
    right = lab.digest(lab.block("Shop", taken, shop(lab, 2, 60)))
    lab.script.then("digest", lab.lines(digest=right), lab.lines(lab.block("Shop", taken), digest=right))
    assert lab.device.sync().verified
    assert [repair.named_from for repair in repairs(lab)] == [PARTED_AT, None]
    assert cities(lab) == ["back", None]


def test_a_row_somebody_edits_is_named_by_what_the_server_had(lab: Lab) -> None:
    lab.download(lab.block("Shop", shop(lab, 1, 400, City="lost")))
    with lab.device.edit() as edit:
        edit.update("Shop", lab.server_id("Shop", 1), {"City": "mine"})
    lab.script.then("upload", lab.outcome(rejected()))
    kept = lab.block("Shop", shop(lab, 1, 30, City="kept"))
    rejoined(lab, [kept], kept)
    assert named(lab) == {(lab.server_id("Shop", 1), 400)}
    assert cities(lab) == ["mine"]
    [refused] = lab.device.errors()
    lab.device.undo(refused.n)
    assert cities(lab) == ["kept"]


def test_more_than_can_be_named_is_loaded_anew(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DIGEST_ROWS_MAX", 2)
    lab.download(lab.block("Shop", *(shop(lab, n, 500, City="lost") for n in range(3))))
    parted(lab)
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", shop(lab, 0, 20, City="kept"))))
    lab.script.then("download", lab.lines())
    lab.device.sync()
    assert (cities(lab), repairs(lab)) == (["kept"], [])


@pytest.mark.parametrize("code", [Code.REFRESH_REQUIRED, Code.BAD_REQUEST, Code.FORK])
def test_where_a_server_cannot_tell_everything_is_loaded_anew_and_may_go_back(lab: Lab, code: Code) -> None:
    """It does not know the rules of then any more, is of an earlier version, or was restored once more meanwhile."""
    lab.download(lab.block("Shop", shop(lab, 1, 500, City="lost")))
    parted(lab)
    lab.script.then("digest", error(409, problem(code, reason="", stamp=1)))
    lab.script.then("refresh", lab.refresh_lines(lab.block("Shop", shop(lab, 1, 20, City="kept"))))
    lab.script.then("download", lab.lines())
    assert lab.device.sync().successful
    assert cities(lab) == ["kept"]


def test_one_that_is_cut_off_names_again(lab: Lab) -> None:
    before = [shop(lab, n, 500 + n, City="lost") for n in range(3)]
    lab.download(lab.block("Shop", *before))
    now = lab.block("Shop", *(shop(lab, n, 20, City="kept") for n in range(3)))
    parted(lab)
    lab.script.then("digest", lab.lines(now)[:-1])
    with pytest.raises(Exception, match="OFFLINE"):
        lab.device.sync()
    assert cities(lab) == ["lost"] * 3
    rejoined(lab, [now], now)
    first, again = (msgspec.structs.asdict(repair)["held"] for repair in repairs(lab))
    assert first == again
    assert cities(lab) == ["kept"] * 3


def test_what_is_named_says_so_on_the_wire() -> None:
    """A server of an earlier version refuses it rather than taking it for another repair."""
    encoded = msgspec.json.decode(msgspec.json.encode(Repair("c", "", (), named_from=5)))
    assert encoded["named_from"] == 5
