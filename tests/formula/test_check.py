"""The check: names, types, counts, and one sentence with its place."""

from __future__ import annotations

import pytest

from fieldsync.formula import BadFormula, CatalogScope, Fault, FormulaType, Names, parse
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.model import Field, FieldType, Object, Pack

SCOPE = Names(
    {
        "Amount": FieldType.CURRENCY,
        "Name": FieldType.TEXT,
        "Open__c": FieldType.CHECKBOX,
        "Day__c": FieldType.DATE,
        "Moment__c": FieldType.DATETIME,
        "Clock__c": FieldType.TIME,
        "Stage__c": FieldType.PICKLIST,
        "Tags__c": FieldType.MULTI_PICKLIST,
        "Spot__c": FieldType.GEOLOCATION,
    }
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """A visit of an account, with users behind both."""
    user = Object(name="User", label="User", prefix="005", fields=(Field(name="Email", type=FieldType.EMAIL),))
    account = Object(
        name="Account",
        label="Account",
        prefix="001",
        fields=(
            Field(name="Sum__c", type=FieldType.FORMULA, formula="1", formula_returns=FieldType.PERCENT),
            Field(name="Last__c", type=FieldType.ROLL_UP, formula_returns=FieldType.DATE),
        ),
    )
    visit = Object(
        name="Visit__c",
        label="Visit",
        prefix="a00",
        fields=(
            Field(name="AccountId", type=FieldType.LOOKUP, references="Account"),
            Field(name="Parent__c", type=FieldType.LOOKUP, references="Visit__c"),
        ),
    )
    setting = Object(
        name="Limits__c", label="Limits", prefix="a01", fields=(Field(name="Most__c", type=FieldType.NUMBER),)
    )
    return build([Pack("test", "Test", (user, account, visit, setting))])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 + Amount", FormulaType.NUMBER),
        ("Name + 'x'", FormulaType.TEXT),
        ("Day__c + 1", FormulaType.DATE),
        ("1 + Moment__c", FormulaType.DATETIME),
        ("Day__c - Day__c", FormulaType.NUMBER),
        ("Clock__c - 1000", FormulaType.TIME),
        ("IF(Open__c, NULL, Day__c)", FormulaType.DATE),
        ("CASE(Stage__c, 'a', 1, 2)", FormulaType.NUMBER),
        ("TEXT(Stage__c) = 'a'", FormulaType.BOOLEAN),
        ("INCLUDES(Tags__c, 'a')", FormulaType.BOOLEAN),
        ("DISTANCE(Spot__c, GEOLOCATION(1, 2), 'km')", FormulaType.NUMBER),
        ("amount", FormulaType.NUMBER),
        ("PRIORVALUE(Stage__c)", FormulaType.PICKLIST),
        ("NULL", FormulaType.NULL),
        ("IF($Setup.X__c.On__c, $Label.Yes, 'no')", FormulaType.TEXT),
    ],
)
def test_a_formula_has_a_type(text: str, kind: FormulaType) -> None:
    assert parse(text).bind(SCOPE).type is kind


@pytest.mark.parametrize(
    ("text", "fault", "column"),
    [
        ("1 + Nothing__c", Fault.UNKNOWN_FIELD, 5),
        ("1 + NOTHING(2)", Fault.UNKNOWN_FUNCTION, 5),
        ("MOD(Name, 6)", Fault.WRONG_TYPE, 5),
        ("MAX(LOG(1, 2), 3)", Fault.WRONG_COUNT, 5),
        ("- Open__c", Fault.WRONG_TYPE, 3),
        ("Day__c + Day__c", Fault.WRONG_TYPE, 10),
        ("1 - Day__c", Fault.WRONG_TYPE, 5),
        ("Name = 1", Fault.WRONG_TYPE, 8),
        ("Open__c < TRUE", Fault.WRONG_TYPE, 1),
        ("IF(Amount, 1, 2)", Fault.WRONG_TYPE, 4),
        ("IF(Open__c, 1, 'a')", Fault.WRONG_TYPE, 16),
        ("CASE(Amount, 1, 'a')", Fault.WRONG_COUNT, 1),
        ("CASE(Amount, 'x', 1, 2)", Fault.WRONG_TYPE, 14),
        ("BLANKVALUE(Name, 1)", Fault.WRONG_TYPE, 18),
        ("Name & Amount", Fault.WRONG_TYPE, 8),
        ("ISCHANGED(Amount + 1)", Fault.WRONG_TYPE, 11),
        ("GETSESSIONID()", Fault.REFUSED, 1),
        ("REGEX(Name, '((')", Fault.REFUSED, 13),
        ("REGEX(Name, '(a)\\\\1')", Fault.REFUSED, 13),
        ("items[0].Name", Fault.REFUSED, 1),
        ("1e400", Fault.LIMIT, 1),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(text: str, fault: Fault, column: int) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text).bind(SCOPE)
    error = refused.value.error
    assert (error.fault, error.line, error.column) == (fault, 1, column), error.sentence


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Account.Owner.Email", FormulaType.TEXT),
        ("account.sum__C * 2", FormulaType.NUMBER),
        ("Parent__r.Parent__r.Account.Last__c", FormulaType.DATE),
        ("Owner:User.Email", FormulaType.TEXT),
        ("$User.Email & $Label.Hello", FormulaType.TEXT),
        ("$Setup.Limits__c.Most__c + 1", FormulaType.NUMBER),
        ("$Permission.Edit_All", FormulaType.BOOLEAN),
    ],
)
def test_a_catalog_gives_names_their_meaning(catalog: Catalog, text: str, kind: FormulaType) -> None:
    assert parse(text).check(catalog, "Visit__c") is kind


@pytest.mark.parametrize(
    "text",
    ["Account.Nothing", "Nothing.Name", "Account", "$User.Nothing", "Parent__r." * 11 + "Name", "Name.Account.Name"],
)
def test_a_catalog_knows_what_it_has_not(catalog: Catalog, text: str) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text).bind(CatalogScope(catalog, "Visit__c"))
    assert refused.value.error.fault is Fault.UNKNOWN_FIELD
