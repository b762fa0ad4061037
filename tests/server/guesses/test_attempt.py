"""Guesses at a password are counted, by name and by address, before any of them is judged."""

from __future__ import annotations

import asyncio

import pytest
from tests.server.lab import Lab

from fieldsync.base.limits import SIGN_IN_WINDOW_SECONDS, SIGN_INS_OF_ADDRESS_MAX, SIGN_INS_OF_NAME_MAX
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.guesses.attempt import attempt
from fieldsync.server.org.upkeep import keep_up

SARAH, HERE, ELSEWHERE = "sarah@small.example", "203.0.113.7", "198.51.100.1"
WRONG = Refused(problem(Code.AUTH))


def tried(lab: Lab, name: str, address: str = HERE, ending: Refused | None = WRONG) -> Refused | None:
    """How an attempt ends whose password is wrong, or whatever else `ending` says; None for right."""
    return lab.run(_tried(lab, name, address, ending))


async def _tried(lab: Lab, name: str, address: str, ending: Refused | None) -> Refused | None:
    try:
        async with attempt(lab.org, name, address):
            await asyncio.sleep(0)
            if ending is not None:
                raise ending
    except Refused as refused:
        return refused
    return None


def guess(lab: Lab, times: int, name: str = SARAH) -> None:
    for _ in range(times):
        assert tried(lab, name) is WRONG


def seconds_to_wait(found: Refused | None) -> float:
    assert found is not None
    assert found.problem.code is Code.TOO_MANY_SIGN_INS
    assert found.retry_after_seconds is not None
    assert f"{found.retry_after_seconds:g} s" in found.problem.message
    return found.retry_after_seconds


def test_a_name_is_closed_after_too_many_guesses_and_opens_when_it_said_so(lab: Lab) -> None:
    guess(lab, SIGN_INS_OF_NAME_MAX - 1)
    lab.clock.advance(20)
    guess(lab, 1)
    assert seconds_to_wait(tried(lab, SARAH, ELSEWHERE, ending=None)) == SIGN_IN_WINDOW_SECONDS - 20
    assert seconds_to_wait(tried(lab, SARAH.upper(), ELSEWHERE)) == SIGN_IN_WINDOW_SECONDS - 20, "in any spelling"
    assert tried(lab, "tom@small.example", ending=None) is None, "others are not"
    lab.clock.advance(SIGN_IN_WINDOW_SECONDS - 20.5)
    wait = seconds_to_wait(tried(lab, SARAH, ELSEWHERE, ending=None))
    lab.clock.advance(wait)
    assert tried(lab, SARAH, ELSEWHERE, ending=None) is None, "asking in vain did not make it longer"


def test_a_name_that_nobody_has_is_counted_like_any(lab: Lab) -> None:
    guess(lab, SIGN_INS_OF_NAME_MAX, "nobody@small.example")
    known = tried(lab, "nobody@small.example")
    assert seconds_to_wait(known) == SIGN_IN_WINDOW_SECONDS


def test_a_right_password_lets_the_name_begin_anew_and_does_not_count_for_the_address(lab: Lab) -> None:
    for _ in range(3):
        guess(lab, SIGN_INS_OF_NAME_MAX - 1)
        assert tried(lab, SARAH, ending=None) is None
    guess(lab, SIGN_INS_OF_NAME_MAX - 1)
    out = Refused(problem(Code.FORBIDDEN, reason="an admin took this device out of service"))
    assert tried(lab, SARAH, ending=out) is out
    guess(lab, SIGN_INS_OF_NAME_MAX - 1)
    wrong = 5 * (SIGN_INS_OF_NAME_MAX - 1)
    assert lab.query("SELECT counted FROM _sign_in_attempt WHERE subject = %(a)s", a=HERE) == [(wrong,)]


def test_who_hurries_gets_no_more_of_them(lab: Lab) -> None:
    async def all_at_once() -> list[Refused | None]:
        asked = (_tried(lab, SARAH, HERE, WRONG) for _ in range(3 * SIGN_INS_OF_NAME_MAX))
        return await asyncio.gather(*asked)

    ends = lab.run(all_at_once())
    assert [one for one in ends if one is WRONG] == [WRONG] * SIGN_INS_OF_NAME_MAX
    assert len([one for one in ends if one is not WRONG and seconds_to_wait(one)]) == 2 * SIGN_INS_OF_NAME_MAX


def test_many_people_who_know_their_passwords_sign_in_at_once_from_one_address(lab: Lab) -> None:
    async def all_at_once() -> list[Refused | None]:
        names = [f"{n}@small.example" for n in range(60)] + [SARAH] * (SIGN_INS_OF_NAME_MAX - 1)
        return await asyncio.gather(*(_tried(lab, name, HERE, None) for name in names))

    assert set(lab.run(all_at_once())) == {None}
    assert lab.query("SELECT kind, counted FROM _sign_in_attempt") == [("address", 0)]


def test_one_address_that_tries_every_name_is_closed_and_nobody_else(lab: Lab) -> None:
    tried(lab, "0@small.example")
    lab.query("UPDATE _sign_in_attempt SET counted = %(n)s RETURNING 1", n=SIGN_INS_OF_ADDRESS_MAX - 1)
    assert tried(lab, "1@small.example") is WRONG
    assert seconds_to_wait(tried(lab, "2@small.example")) == SIGN_IN_WINDOW_SECONDS
    assert tried(lab, "2@small.example", ELSEWHERE, ending=None) is None
    assert lab.query("SELECT count(*) FROM _sign_in_attempt WHERE kind = 'name'") == [(2,)], (
        "what is refused is not kept"
    )


def test_an_attempt_that_is_broken_off_was_a_wrong_one(lab: Lab) -> None:
    async def hung_up() -> None:
        async with attempt(lab.org, SARAH, HERE):
            raise asyncio.CancelledError

    for _ in range(SIGN_INS_OF_NAME_MAX):
        with pytest.raises(asyncio.CancelledError):
            lab.run(hung_up())
    assert seconds_to_wait(tried(lab, SARAH))


def test_a_clock_that_was_put_back_closes_nobody_out_for_long(lab: Lab) -> None:
    lab.clock.jump(86_400)
    guess(lab, SIGN_INS_OF_NAME_MAX)
    lab.clock.jump(-86_400)
    assert tried(lab, SARAH, ending=None) is None


def test_counts_go_when_their_time_is_over(lab: Lab) -> None:
    guess(lab, 1)
    keep_up(lab.uri, "small", lab.world)
    assert lab.query("SELECT count(*) FROM _sign_in_attempt") == [(2,)]
    lab.clock.advance(SIGN_IN_WINDOW_SECONDS + 1)
    keep_up(lab.uri, "small", lab.world)
    assert lab.query("SELECT count(*) FROM _sign_in_attempt") == [(0,)]
    [(kind,)] = lab.query("SELECT relpersistence::text FROM pg_class WHERE relname = '_sign_in_attempt'")
    assert kind == "u", "it has no log"
