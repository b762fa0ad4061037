"""What differs between two data models, put on the first, is the second; a package is the base and one profile."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsync.protocol.metadata.difference import Difference, difference, put_on
from fieldsync.protocol.metadata.package import Package, checksum_of, content_of, opened, written
from fieldsync.schema.catalog import decode, encode
from fieldsync.schema.packs.composed import new_catalog

PLAIN = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "Ä"])
NAMED = st.sampled_from(["name", "object", "value", "of"])
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMED, inner, max_size=4), max_leaves=20
)


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_a_difference_put_on_what_it_was_found_against_gives_the_other(before: object, after: object) -> None:
    found = difference(before, after)
    sent = None if found is None else msgspec.json.decode(msgspec.json.encode(found), type=Difference)
    assert written([put_on(before, sent)]) == written([after])


def test_a_profile_gets_the_base_and_itself_alone() -> None:
    """N profiles are N + 1 parts: what every package has, and one of each profile (FEATURES F01)."""
    whole = new_catalog(())
    contents = {name: content_of(encode(whole), name) for name in ("", *whole.profiles)}
    opened_ones = {name: decode(written(content), whole.version) for name, content in contents.items()}
    assert len(whole.profiles) > 1
    assert {name: list(one.profiles) for name, one in opened_ones.items() if name} == {n: [n] for n in whole.profiles}
    for name, content in contents.items():
        for pack in content:
            pack.pop("profiles", None)
        assert content == contents[""], name
    assert {one.version for one in opened_ones.values()} == {whole.version}


def test_layouts_of_other_profiles_stay_away() -> None:
    layouts = [{"name": "all"}, {"name": "mine", "profiles": ["Rep", "Boss"]}, {"name": "theirs", "profiles": ["Boss"]}]
    packs = msgspec.json.encode([{"name": "a", "objects": [{"name": "X", "layouts": layouts}, {"name": "Y"}]}])
    names = {p: [one["name"] for one in content_of(packs, p)[0]["objects"][0]["layouts"]] for p in ("", "Rep", "Boss")}
    assert names == {"": ["all"], "Rep": ["all", "mine"], "Boss": ["all", "mine", "theirs"]}
    assert content_of(packs, "Rep")[0]["objects"][1] == {"name": "Y"}


def test_what_does_not_come_to_the_checksum_is_not_taken() -> None:
    before, after = [{"name": "a", "fields": [{"name": "x", "size": 1}]}], [{"name": "a", "fields": [{"name": "x"}]}]
    checksum = checksum_of(written(after))
    told = Package("2", "Rep", checksum, since="1", change=difference(before, after))
    assert opened(told, written(before)) == written(after)
    assert opened(told, written([{"name": "a", "fields": [], "label": "other"}])) is None
    assert opened(told, written([{"name": "b"}])) is None
    assert opened(told, None) is None
