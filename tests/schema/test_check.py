"""What packs may not say, one rule a row."""

from __future__ import annotations

from typing import Any

import pytest

from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.schema.model import Pack

HEAD = "name: p\nlabel: P\n"


def found(text: str, *others: Pack) -> list[str]:
    return [f"{f.where}: {f.sentence}" for f in check([*others, parse_pack(HEAD + text, "p.yaml")])]


def with_fields(fields: str, **more: Any) -> list[str]:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return found(f"objects: [{{name: A__c, label: A{extra}, fields: [{fields}]}}, {{name: B__c, label: B}}]")


def test_the_products_packs_are_sound() -> None:
    assert check(load_packs()) == ()
    assert check(load_packs(("platform",))) == ()


FIELD_RULES = [
    ("{name: 1x, type: text}", "a name is a letter"),
    ("{name: a-b, type: text}", "a name is a letter"),
    ("{name: " + "x" * 64 + ", type: text}", "at most 63"),
    ("{name: " + "x" * 50 + "__c, type: geolocation}", "its column is"),
    ("{name: X, type: id}", "only the standard field Id"),
    ("{name: Name, type: text}", "more than once"),
    ("{name: ownerid, type: text}", "more than once"),
    ("{name: X, type: text}, {name: x, type: text}", "more than once"),
    ("{name: P, type: geolocation}, {name: P__Latitude__s, type: number}", "more than once"),
    ("{name: ctid, type: text}", "databases have a column"),
    ("{name: rowid, type: text}", "databases have a column"),
    ("{name: X, type: text, length: 0}", "length must be between"),
    ("{name: X, type: text, length: 256}", "length must be between"),
    ("{name: X, type: long_text, length: 131073}", "length must be between"),
    ("{name: X, type: number, length: 5}", "has no length"),
    ("{name: X, type: number, precision: 19}", "precision must be"),
    ("{name: X, type: number, precision: 4, scale: 5}", "scale must be"),
    ("{name: X, type: text, precision: 4}", "has no precision"),
    ("{name: X, type: lookup}", "which object"),
    ("{name: X, type: lookup, references: None__c}", "not there: None__c"),
    ("{name: X, type: text, references: B__c}", "references means nothing"),
    ("{name: X, type: text, family: true}", "family means nothing"),
    ("{name: X, type: picklist}", "needs values"),
    ("{name: X, type: picklist, values: [{value: a}, {value: A}]}", "more than once"),
    ("{name: X, type: picklist, values: [{value: a, default: true}, {value: b, default: true}]}", "one value is"),
    ("{name: X, type: picklist, values: [{value: a}], value_set: S}", "only one of them"),
    ("{name: X, type: picklist, value_set: S}", "no value set S"),
    ("{name: X, type: multi_picklist, values: [{value: a;b}]}", "semicolon"),
    ("{name: X, type: picklist, values: [{value: ' a'}]}", "space"),
    ("{name: X, type: auto_number}", "needs a display format"),
    ("{name: X, type: auto_number, display_format: C}", "cannot be used"),
    ("{name: X, type: formula, formula_returns: text}", "needs a formula"),
    ("{name: X, type: formula, formula: '1'}", "what its formula returns"),
    ("{name: X, type: formula, formula: '1', formula_returns: lookup}", "what its formula returns"),
    ("{name: X, type: roll_up}", "needs a roll_up"),
    ("{name: X, type: checkbox, unique: true}", "cannot be unique"),
    ("{name: X, type: base64, unique: true}", "unique means nothing"),
    ("{name: X, type: lookup, references: B__c, children: L}, {name: Y, type: lookup, references: B__c, children: l}",
     "list of children"),
    ("{name: XId, type: lookup, references: B__c}, {name: X, type: lookup, references: B__c}", "the relationship X"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "sentence"), FIELD_RULES)
def test_a_faulty_field_is_found(fields: str, sentence: str) -> None:
    assert any(sentence in f for f in with_fields(fields)), with_fields(fields)


ROLL_UP = "{name: R, type: roll_up, roll_up: {operation: %s, child_object: %s, child_reference: %s%s}}"


@pytest.mark.parametrize(
    ("operation", "child", "reference", "more", "sentence"),
    [
        ("COUNT", "D__c", "A__c", "", None),
        ("SUM", "D__c", "A__c", ", field: N", None),
        ("MAX", "D__c", "A__c", ", field: CreatedDate", None),
        ("AVG", "D__c", "A__c", "", "none of COUNT"),
        ("COUNT", "X__c", "A__c", "", "not there: X__c"),
        ("COUNT", "D__c", "N", "", "no reference to A__c"),
        ("SUM", "D__c", "A__c", ", field: M", "not there: D__c.M"),
        ("SUM", "D__c", "A__c", ", field: CreatedDate", "does not work on"),
        ("COUNT", "D__c", "A__c", ", filters: [{field: M, operator: equals}]", "filter names"),
    ],
)
def test_a_roll_up_sums_up_what_is_there(
    operation: str, child: str, reference: str, more: str, sentence: str | None
) -> None:
    roll_up = ROLL_UP % (operation, child, reference, more)
    detail = "{name: A__c, type: master_detail, references: A__c}, {name: N, type: number}"
    objects = f"[{{name: A__c, label: A, fields: [{roll_up}]}}, {{name: D__c, label: D, fields: [{detail}]}}]"
    sentences = found(f"objects: {objects}", *load_packs(("platform",)))
    assert (not sentences) if sentence is None else any(sentence in s for s in sentences), sentences


SUBMIT = "family: {submit: {field: S, value: v, when_edited_elsewhere: discard}}"
STATUS = "{name: S, type: picklist, values: [{value: w}]}"
PLAIN_B = "{name: B, label: B}"


def detail(master: str) -> str:
    return f"{{name: X, type: master_detail, references: {master}}}"


A_OF_B = f"{{name: A, label: A, fields: [{detail('B')}]}}"


def loaded(fields: str, more: str = "") -> str:
    bulk = "bulk: {key: [K, P], period: P}, name_field: {type: auto_number, display_format: 'S-{0}'}"
    return f"{{name: A, label: A, {bulk}, fields: [{{name: P, type: date, required: true}}, {fields}]{more}}}"


KEY = "{name: K, type: text, required: true}"
SUMS_IT = """{name: B, label: B, fields:
  [{name: N, type: roll_up, roll_up: {operation: COUNT, child_object: A, child_reference: X}}]}"""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("objects: [{name: A, label: A}, {name: a, label: A}]", "two of the objects"),
        ("objects: [{name: A, label: A, prefix: a1}]", "3 letters or digits"),
        ("objects: [{name: A, label: A, prefix: a0x}, {name: B, label: B, prefix: a0x}]", "is that of A"),
        ("objects: [{name: sqlite_x, label: A}]", "sqlite_"),
        ("objects: [{name: A b, label: A}]", "a name is a letter"),
        ("objects: [{name: A, label: A, name_field: {type: number}}]", "a text or an auto-number"),
        ("objects: [{name: A, label: A, name_field: {type: auto_number}}]", "needs a display format"),
        ("objects: [{name: A, label: A, name_field: {compose: [Nobody]}}]", "composed of Nobody"),
        (f"objects: [{{name: A, label: A, {SUBMIT}}}]", "a field it has not"),
        (f"objects: [{{name: A, label: A, {SUBMIT}, fields: [{STATUS}]}}]", "none of the values"),
        (f"objects: [{{name: A, label: A, family: {{}}, fields: [{detail('B')}]}}, {PLAIN_B}]", "cannot be a detail"),
        (f"objects: [{A_OF_B}, {{name: B, label: B, fields: [{detail('A')}]}}]", "back to itself"),
        ("objects: [{name: A, label: A, list_views: [{name: All, label: a}, {name: all, label: b}]}]", "list_views"),
        ("objects: [" + loaded("{name: X, type: text}") + "]", "loaded by a field it has not: K"),
        ("objects: [" + loaded("{name: K, type: text}") + "]", "K, which may be empty"),
        ("objects: [" + loaded(KEY).replace("period: P", "period: K") + "]", "is no date of its key"),
        ("objects: [" + loaded(KEY).replace("auto_number, display_format: 'S-{0}'", "text") + "]", "an auto-number"),
        ("objects: [" + loaded(KEY, ", route: K") + "]", "no family and no route"),
        ("objects: [" + loaded(f"{KEY}, {detail('B')}") + f", {SUMS_IT}]", "sums do not follow"),
        ("extensions: [{object: Nothing}]", "no such object"),
        ("extensions: [{object: User, fields: [{name: Username, type: text}]}]", "more than once"),
        ("extensions: [{object: User, fields: [{name: X__c, type: lookup, references: Nothing}]}]", "not there"),
        ("value_sets: [{name: S, values: [{value: a}, {value: a}]}]", "more than once"),
        ("value_sets: [{name: S}, {name: S}]", "two of the value sets"),
        ("profiles: [{name: P, label: P, objects: {Nothing: [read]}}]", "not there: Nothing"),
        ("profiles: [{name: Integration, label: P}]", "two of the profiles"),
        ("permission_sets: [{name: P, label: P}, {name: p, label: P}]", "two of the permission sets"),
        ("profiles: [{name: P, label: P, fields: {Profile: {Nothing: read}}}]", "not there: Profile.Nothing"),
        ("profiles: [{name: P, label: P, fields: {User: {Username: read}}}]", "always as open as User"),
        ("profiles: [{name: P, label: P, fields: {User: {LastName: none}}}]", "always as open as User"),
        ("permission_sets: [{name: P, label: P, fields: {User: {Title: none}}}]", "a permission set only adds"),
        ("profiles: [{name: P, label: P, record_types: {User: [Odd]}}]", "User has no record type Odd"),
    ],
)  # fmt: skip
def test_a_faulty_pack_is_found(text: str, sentence: str) -> None:
    sentences = found(text, *load_packs(("platform",)))
    assert any(sentence in s for s in sentences), sentences


def test_two_packs_of_one_name_are_found() -> None:
    [platform] = load_packs(("platform",))
    assert any("more than one pack" in f.sentence for f in check([platform, platform]))


def test_a_duplicate_names_fields_that_are_there() -> None:
    plan = "{status: w, original: O, link: S, reason: S}"
    submit = f"{{field: S, value: w, when_edited_elsewhere: duplicate, duplicate: {plan}}}"
    [sentence] = found(f"objects: [{{name: A, label: A, family: {{submit: {submit}}}, fields: [{STATUS}]}}]")
    assert "its duplicate names O, which is no field of it" in sentence
