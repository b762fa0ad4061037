"""Flight mode: nothing that is saved in it leaves the device."""

from __future__ import annotations

from tests.device.lab import Lab
from tests.device.sync.test_upload import edit_city, shop_on

from fieldsync.device.sync.settle import Stepped


def test_what_is_saved_in_flight_mode_is_not_sent_by_a_step_that_had_begun(lab: Lab) -> None:
    shop = shop_on(lab)
    lab.device.go_offline()
    edit_city(lab, shop, "b")
    begun_before = lab.device._engine.send_batch  # what a step does after it found the device online
    assert begun_before(Stepped()) == 0
    assert lab.script.uploads == []
    lab.device.go_online()
    lab.upload(lab.saved())
    assert lab.device.queue() == []
