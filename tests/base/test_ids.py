"""Record ids as they are minted, one after the other, and as they are known again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fieldsync.base import ids


@given(st.text(ids.ALPHABET, min_size=3, max_size=3), st.text(ids.ALPHABET, min_size=5, max_size=5), st.data())
def test_an_id_holds_what_it_was_minted_from_and_its_checksum(prefix: str, number: str, data: st.DataObject) -> None:
    counter = data.draw(st.integers(0, ids.COUNTER_LIMIT - 1) | st.sampled_from([0, 61, 62, 3843, 3844]))
    minted = ids.mint(prefix, ids.DeviceNumber(number), counter)
    body = prefix + number + ids.base62(counter, ids.COUNTER_CHARS)
    assert minted == body + ids.checksum(body)
    assert (ids.prefix_of(minted), ids.device_of(minted)) == (prefix, number)
    assert ids.parse(body) == minted
    assert ids.is_id(minted)
    other = body[:-1] + body[-1].swapcase()
    assert ids.is_id(other + minted[ids.BODY_CHARS :]) == (other == body)
