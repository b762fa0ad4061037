"""Each way a start or a first download fails has a page of its own, with something to do."""

from __future__ import annotations

import pytest

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.device.transport.reach import Found
from fieldsync.web.field.begin.failures import Step, of_address, of_problem

FULL = problem(Code.UNUSABLE, what="The disk of this device", reason="it is full")
OUT = problem(Code.FORBIDDEN, reason="an admin took this device out of service")


@pytest.mark.parametrize(
    ("step", "found", "name"),
    [
        (Step.SIGN_IN, problem(Code.AUTH), "wrong-password"),
        (Step.SIGN_IN, problem(Code.OFFLINE), "no-network"),
        (Step.SIGN_IN, OUT, "out-of-service"),
        (Step.SIGN_IN, FULL, "disk-full"),
        (Step.SIGN_IN, problem(Code.METADATA_API, platform="iPad"), "no-rights"),
        (Step.SIGN_IN, problem(Code.BUSY), "busy"),
        (Step.SIGN_IN, problem(Code.TOO_MANY_SIGN_INS, seconds=40), "too-many"),
        (Step.SIGN_IN, problem(Code.APP_TOO_OLD), "server-too-new"),
        (Step.DOWNLOAD, problem(Code.OFFLINE), "cut"),
        (Step.DOWNLOAD, problem(Code.AUTH), "signed-out"),
        (Step.DOWNLOAD, FULL, "disk-full"),
        (Step.DOWNLOAD, OUT, "out-of-service"),
        (Step.DOWNLOAD, problem(Code.TOO_MANY_ROWS, count=2, what="Account", limit=1), "other"),
    ],
)
def test_a_problem_has_its_page(step: Step, found: Problem, name: str) -> None:
    failure = of_problem(step, found)
    assert failure.name == name
    assert failure.heading
    assert failure.sentence
    assert all(failure.advice)
    assert failure.advice


@pytest.mark.parametrize("found", [one for one in Found if one is not Found.OURS])
def test_an_address_that_does_not_lead_to_a_server_of_ours_has_its_page(found: Found) -> None:
    assert of_address(found).advice
