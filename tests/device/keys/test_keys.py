"""Where the key comes from, and that it is never beside the file in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keyring.backends.fail
import keyring.backends.null
import msgspec
import pytest
from keyring.backends.chainer import ChainerBackend

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SeededChance
from fieldsync.device.keys import change_passphrase, key_from_passphrase
from fieldsync.device.keys.keystore import trusted_backend

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


@pytest.mark.parametrize("kind", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring])
def test_only_real_key_stores_are_used(kind: Any) -> None:
    with pytest.raises(Refused) as caught:
        trusted_backend(kind())
    assert caught.value.problem.code is Code.UNUSABLE


def test_a_chain_without_a_real_store_is_refused() -> None:
    null: Any = keyring.backends.null.Keyring
    chain: Any = type("Chain", (ChainerBackend,), {"backends": [null()], "priority": 1})
    with pytest.raises(Refused):
        trusted_backend(chain())
