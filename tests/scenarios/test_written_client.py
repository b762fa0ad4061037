"""The client of `docs/reference/protocol.md`, as it stands there, against a real server: whoever writes one can trust
every line of that page."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Databases
from tests.scenarios.shops import shops_pack
from tests.scenarios.stage import PASSWORD, Stage, org_with_two

from fieldsync.protocol.digest import sums

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocol.md"
ORG = "written"
Client = Any
"""An object of the page's class `Device`."""
Scene = tuple[Stage, Callable[..., Client]]
"""A server, and what makes a device of somebody, with its first download done."""


def written() -> dict[str, Any]:
    """What the pieces of the page define."""
    pieces = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile("\n".join(pieces), str(PAGE), "exec"), names)
    return names


@pytest.fixture(scope="module")
def scene(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, Callable[..., Client]]]:
    name, code = databases.create(), written()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("written"), shops_pack(ORG)) as (stage, sarah, tom):
        people = {"sarah": sarah, "tom": tom}

        def device(who: str, called: str) -> Client:
            made = code["Device"](code["Server"](stage.address), ORG, people[who], PASSWORD, called)
            made.download()
            return made

        yield stage, device
    databases.drop(name)


def outcome(client: Client) -> str:
    """Of its last save."""
    return str(client.outcomes[client.n]["type"])


def test_a_save_is_there_once_and_comes_to_the_persons_other_device(scene: Scene) -> None:
    stage, device = scene
    ipad, phone = device("sarah", "ipad"), device("sarah", "phone")
    tour, stop = ipad.new_id("Tour"), ipad.new_id("Stop")
    ipad.save(
        ("Tour", tour, "create", {"Name": "T", "City": "Ål"}), ("Stop", stop, "create", {"Name": "S", "TourId": tour})
    )
    sent = copy.deepcopy(ipad.queue)
    ipad.upload()
    assert (outcome(ipad), ipad.queue, ipad.confirmed) == ("Saved", [], 1)
    assert ipad.rows["Tour"][tour]["_stamp"] > 0
    ipad.queue, ipad.confirmed = sent, 0  # the answer was lost
    ipad.upload()
    assert outcome(ipad) == "Saved"
    assert list(stage.rows("Stop")) == [stop]
    phone.read_feed()
    assert (phone.rows["Tour"][tour]["City"], phone.rows["Stop"][stop]["TourId"]) == ("Ål", tour)
    phone.save(("Stop", stop, "delete", {}))
    phone.upload()
    ipad.read_feed()
    assert stop not in ipad.rows["Stop"]


def test_own_edits_of_a_record_follow_each_other_and_anothers_are_a_conflict(scene: Scene) -> None:
    stage, device = scene
    ipad = device("sarah", "ipad of two")
    shop = ipad.new_id("Shop")
    ipad.save(("Shop", shop, "create", {"Name": "Corner", "City": "Oslo"}))
    ipad.save(("Shop", shop, "update", {"City": "Bergen"}))
    ipad.save(("Shop", shop, "update", {"City": "Narvik"}))
    ipad.upload()
    assert [one["type"] for one in ipad.outcomes.values()] == ["Saved"] * 3
    assert stage.rows("Shop")[shop]["City"] == "Narvik"

    toms = device("tom", "toms")
    toms.save(("Shop", shop, "update", {"City": "Vardø", "Phone": "1"}))
    toms.upload()
    ipad.save(("Shop", shop, "update", {"City": "Tromsø"}))
    ipad.upload()
    assert outcome(ipad) == "Rejected"
    [problem] = ipad.outcomes[ipad.n]["problems"]
    details = problem["details"]
    assert (details["base"], details["mine"], details["theirs"]) == ("Narvik", "Tromsø", "Vardø")
    ipad.upload(undone=[ipad.n])
    ipad.download()
    assert ipad.rows["Shop"][shop]["City"] == "Vardø"
    ipad.save(("Shop", shop, "update", {"City": "Tromsø"}))
    ipad.upload()
    assert (outcome(ipad), stage.rows("Shop")[shop]["Phone"]) == ("Saved", "1")


def test_what_it_holds_is_what_the_digest_says(scene: Scene) -> None:
    _, device = scene
    ipad = device("sarah", "ipad of sums")
    for number in range(5):
        ipad.save(("Shop", ipad.new_id("Shop"), "create", {"Name": f"{number}"}))
    ipad.upload()
    ipad.download()
    answer = ipad.server.ask("GET", "/download", checkpoint=ipad.checkpoint, digest=1)
    digest = json.loads(answer.splitlines()[-1])["digest"]
    [shops] = [one for one in digest["objects"] if one["object"] == "Shop"]
    held = sums((id_, row["_stamp"]) for id_, row in ipad.rows["Shop"].items())
    assert shops["version"] == "stamp"
    assert [tuple(bucket) for bucket in shops["buckets"]] == [(b.bucket, b.count, b.low, b.high) for b in held]


def test_what_is_refused_says_which_and_why(scene: Scene) -> None:
    stage, _ = scene
    code = written()
    with pytest.raises(code["Refused"]) as refused:
        code["Device"](code["Server"](stage.address), ORG, "nobody@written.example", PASSWORD, "ipad")
    assert refused.value.code == "AUTH"
