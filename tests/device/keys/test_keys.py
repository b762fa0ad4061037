"""Where the key comes from, and that it is never beside the file in the clear."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from keyring.backends.null import Keyring as Null

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance
from fieldsync.device.keys import change_passphrase, key_from_passphrase
from fieldsync.device.keys.keystore import best_of, trusted

PHRASE = "a long enough phrase"


def test_a_passphrase_gives_the_same_key_and_another_none(tmp_path: Path) -> None:
    key = key_from_passphrase(tmp_path, PHRASE, SeededChance(1))
    assert key_from_passphrase(tmp_path, PHRASE, SeededChance(2)) == key
    with pytest.raises(Refused) as caught:
        key_from_passphrase(tmp_path, PHRASE + "!", SeededChance(1))
    assert caught.value.problem.code is Code.WRONG_KEY
    kept = (tmp_path / "key.json").read_bytes()
    assert key not in kept
    assert key.hex().encode() not in kept
    change_passphrase(tmp_path, PHRASE, "another long phrase", SeededChance(3))
    assert key_from_passphrase(tmp_path, "another long phrase", SeededChance(4)) == key


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        key_from_passphrase(tmp_path, "elevenchars", SeededChance(1))
    assert caught.value.problem.code is Code.WEAK_PASSWORD
    assert not (tmp_path / "key.json").exists()


@pytest.mark.parametrize("change", [{"memory_kib": 8}, {"passes": 1}, {"kdf": "none"}])
def test_weaker_parameters_are_not_accepted(tmp_path: Path, change: dict[str, object]) -> None:
    key_from_passphrase(tmp_path, PHRASE, SeededChance(1))
    path = tmp_path / "key.json"
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | change))
    with pytest.raises(Refused) as caught:
        key_from_passphrase(tmp_path, PHRASE, SeededChance(1))
    assert caught.value.problem.code is Code.STORE_DAMAGED


def test_a_database_without_its_key_file_is_not_given_a_new_key(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"something")
    with pytest.raises(Refused) as caught:
        key_from_passphrase(tmp_path, PHRASE, SeededChance(1))
    assert caught.value.problem.code is Code.STORE_DAMAGED


@pytest.mark.parametrize(
    ("system", "asked"),
    [
        ("win32", ["keyring.backends.Windows"]),
        ("darwin", ["keyring.backends.macOS"]),
        ("linux", ["keyring.backends.SecretService", "keyring.backends.kwallet"]),
    ],
)
def test_only_real_key_stores_of_this_system_are_asked(
    system: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert [kind.__module__ for kind in trusted()] == asked


class First(Null):
    priority = 2


class Absent(Null):
    @property
    def priority(self) -> float:
        raise RuntimeError("nobody answers")

    viable = False


def test_the_best_of_those_that_are_there_is_taken() -> None:
    assert isinstance(best_of([Absent, First, Null]), First)
    assert best_of([Absent]) is None
