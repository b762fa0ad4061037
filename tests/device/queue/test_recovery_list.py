"""A save that stands in the recovery list of a restored server, when that server is restored once more (DESIGN 5)."""

from __future__ import annotations

from tests.device.lab import Lab

from fieldsync.protocol.session import History
from fieldsync.protocol.upload import BY_RECOVERY, Canceled


def test_what_the_recovery_list_had_is_offered_to_a_server_that_lost_the_list_too(lab: Lab) -> None:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "b"})
    lab.upload(lab.saved())
    assert lab.device.queue() == []
    for epoch in ("second", "third", "fourth"):
        lab.sign_in(history=History(epoch, lost_from=0))
        [entry] = lab.device.queue()
        assert entry.record_id == shop
        lab.upload(lab.outcome(Canceled(BY_RECOVERY, "An administrator looks at it.")))
        assert lab.device.queue() == []
    assert len(lab.device.undone()) == 1, "kept once"


def test_what_an_admin_ended_is_not_offered_again(lab: Lab) -> None:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "b"})
    lab.upload(lab.outcome(Canceled("an admin", "It was a mistake.")))
    lab.sign_in(history=History("second", lost_from=0))
    assert lab.device.queue() == []
