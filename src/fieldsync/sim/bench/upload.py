"""Upload: ten thousand offline edits, from the network's return until every one is acknowledged."""

from __future__ import annotations

import time
from pathlib import Path

from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.sim.bench import floors
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import Setting, setting, wait_until

LOOK_SECONDS = 0.02
"""As often as a person could see it change: more often would be work of the device beside the upload's."""
CONDITIONS = "half creates, half updates of other records; access checked, old values compared, durable on both sides"


def measure(folder: Path, port: int, *, edits: int) -> list[Figure]:
    """Records a second through the pipeline, and edits a second saved offline."""
    with setting(folder, port, accounts=edits // 2) as place:
        device = place.device("ipad", Platform.IPAD)
        try:
            saving = _save_offline(place, device, edits)
            start = time.perf_counter()
            device.go_online()
            device.start()
            wait_until(lambda: not device.widget().pending, 300, every=LOOK_SECONDS)
            taken = time.perf_counter() - start
            assert not device.errors(), f"{len(device.errors())} of the edits were refused"
        finally:
            device.close()
        floor = floors.bulk_records_per_second(place.uri, edits)
        floor_save = 1000 / floors.local_save_ms(folder)
    conditions = f"{edits} edits, {CONDITIONS}"
    return [
        figure("upload", edits / taken, "records/s", floor=floor, conditions=conditions, higher_is_better=True),
        figure(
            "saving offline", edits / saving, "saves/s", floor=floor_save, conditions=conditions, higher_is_better=True
        ),
    ]


def _save_offline(place: Setting, device: Device, edits: int) -> float:
    device.go_offline()
    start = time.perf_counter()
    for i, account in enumerate(place.accounts[: edits // 2]):
        with device.edit() as edit:
            edit.create("Account", {"Name": f"New {i}", "Phone": f"+44 {i}"})
        with device.edit() as edit:
            edit.update("Account", account, {"Phone": f"+45 {i}", "Description": f"note {i}"})
    return time.perf_counter() - start
