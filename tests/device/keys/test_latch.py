"""What opens a folder: a PIN with a key store, a passphrase, the server's rescue; and that guessing ends (T1, T2)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.web.beginning import Vault

from fieldsync.base import faults
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance
from fieldsync.device.keys import By, Latch
from fieldsync.device.keys.latch import TRIES_MAX

KEY, PIN, RESCUE = bytes(range(32)), "190745", bytes(32)


class Killed(BaseException):
    """The process ends here."""


def latch(folder: Path, vault: Vault | None) -> Latch:
    return Latch(folder, SeededChance(1), vault)


def made(folder: Path, vault: Vault | None, secret: str = PIN) -> Latch:
    found = latch(folder, vault)
    found.set(KEY, secret)
    found.keep_rescue(KEY, RESCUE)
    return found


def refused(found: Latch, secret: str) -> Code:
    with pytest.raises(Refused) as caught:
        found.open(secret)
    return caught.value.problem.code


def test_a_pin_opens_it_with_the_key_store_and_a_copy_of_the_folder_alone_never(tmp_path: Path) -> None:
    vault = Vault()
    found = made(tmp_path / "tom", vault)
    assert (found.open(PIN), found.asks, found.tries_left) == (KEY, By.PIN, TRIES_MAX)
    shutil.copytree(tmp_path / "tom", tmp_path / "stolen")
    assert refused(latch(tmp_path / "stolen", Vault()), PIN) is Code.WRONG_KEY
    assert refused(latch(tmp_path / "stolen", None), PIN) is Code.WRONG_KEY
    assert KEY not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("pin", ["12345", "123456", "987654", "777777", "1234567890123", "１２３４５７"])
def test_a_pin_that_anybody_tries_first_is_none(tmp_path: Path, pin: str) -> None:
    with pytest.raises(Refused) as caught:
        latch(tmp_path, Vault()).set(KEY, pin)
    assert caught.value.problem.code is Code.WEAK_PASSWORD
    assert list(tmp_path.iterdir()) == []


def test_another_pin_takes_the_place_of_the_first_wherever_it_is_cut(tmp_path: Path) -> None:
    for point in ("latch.entered", "latch.kept", ""):
        vault, folder = Vault(), tmp_path / (point or "whole")
        found = made(folder, vault)
        kill_at(point)
        try:
            found.set(KEY, "604218")
        except Killed:
            pass
        finally:
            faults.install(None)
        opens = [pin for pin in (PIN, "604218") if try_open(latch(folder, vault), pin)]
        assert opens == ([PIN] if point == "latch.entered" else ["604218"])


def try_open(found: Latch, secret: str) -> bool:
    try:
        return found.open(secret) == KEY
    except Refused:
        return False


def kill_at(point: str) -> None:
    def plan(at: str) -> None:
        if at == point:
            raise Killed

    faults.install(plan)


@pytest.mark.parametrize("killed", [False, True])
def test_after_ten_wrong_answers_only_the_rescue_opens_it(tmp_path: Path, *, killed: bool) -> None:
    vault = Vault()
    found = made(tmp_path, vault)
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for _ in range(TRIES_MAX - 1):
        assert refused(found, "555123") is Code.WRONG_KEY
    assert found.tries_left == 1
    kill_at("latch.erased" if killed else "")
    try:
        with pytest.raises(Killed if killed else Refused):
            found.open("555123")
    finally:
        faults.install(None)
    assert latch(tmp_path, vault).asks is By.PASSWORD
    for path, content in kept.items():
        path.write_bytes(content)
    assert latch(tmp_path, vault).asks is By.PASSWORD, "nor does an older copy of the folder"
    assert refused(latch(tmp_path, vault), PIN) is Code.WRONG_KEY
    with pytest.raises(Refused):
        found.open_by_rescue(b"x" * 32)
    assert found.open_by_rescue(RESCUE) == KEY


def test_a_try_counts_before_it_is_judged_and_a_right_one_begins_anew(tmp_path: Path) -> None:
    for vault, right, wrong in ((Vault(), PIN, "555123"), (None, "a long enough phrase", "another long phrase")):
        found = made(tmp_path / f"{vault is None}", vault, right)
        assert refused(found, wrong) is Code.WRONG_KEY
        assert found.tries_left == TRIES_MAX - 1
        assert found.open(right) == KEY
        assert found.tries_left == TRIES_MAX


def test_without_a_rescue_nothing_is_ever_erased(tmp_path: Path) -> None:
    found = latch(tmp_path, Vault())
    found.set(KEY, PIN)
    for _ in range(TRIES_MAX + 1):
        assert refused(found, "555123") is Code.WRONG_KEY
    assert found.open(PIN) == KEY
