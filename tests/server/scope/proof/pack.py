"""A small family of data models: the same objects, shared, routed and computed in different ways.

Shops that lie in territories and have parents, links of shops with territories, visits with lines (a family), products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fieldsync.schema.access.permissions import Access, FieldAccess, PermissionSet, Profile, SystemPermission
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack, PicklistValue, Sharing

T = FieldType
STAGES = ("Open", "Closed", "Won")
TAGS = ("red", "green", "blue")
OBJECTS = ("Shop", "Link", "Product", "Visit", "Visit_Line")
Given = dict[str, tuple[Access, ...]]
EVERYTHING = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)


@dataclass(frozen=True)
class Model:
    """One of the family. `shared` names an entry of `conditions.SHARED`."""

    shop: Sharing = Sharing.PRIVATE
    shop_shared: str | None = "by territory"
    link: Sharing = Sharing.READ_WRITE
    visit: Sharing = Sharing.PRIVATE
    visit_shared: str | None = None
    line: Sharing = Sharing.BY_PARENT
    routes: tuple[tuple[str, str], ...] = (("Shop", "TerritoryId"),)
    extra: bool = False
    """A field more, and a formula that reads it."""
    sign: str = "/"
    """Between the parts of a formula: deployed anew with another one."""
    places: int = 2
    """Digits behind the point of a formula."""

    def with_field(self) -> Model:
        """The same with the field, or without it."""
        return replace(self, extra=not self.extra)

    def with_sign(self) -> Model:
        """The same with another formula."""
        return replace(self, sign="-" if self.sign == "/" else "/")


MODELS: dict[str, Model] = {
    "territories": Model(),
    "links": Model(shop_shared="by links", routes=(), visit=Sharing.READ, line=Sharing.PRIVATE),
    "open": Model(
        shop=Sharing.READ_WRITE,
        shop_shared=None,
        visit=Sharing.READ_WRITE,
        link=Sharing.BY_PARENT,
        line=Sharing.READ_WRITE,
        routes=(("Shop", "City"), ("Visit", "OwnerId")),
    ),
    "owners": Model(
        shop=Sharing.READ,
        shop_shared=None,
        link=Sharing.BY_PARENT,
        visit_shared="by shop",
        routes=(("Visit", "OwnerId"), ("Visit_Line", "Note"), ("Shop", "TerritoryId")),
    ),
    "flags": Model(shop_shared="by flag", link=Sharing.BY_PARENT, visit_shared="by day", routes=()),
}


def catalog_of(model: Model, shared: dict[str, str]) -> Catalog:
    """The catalog; `shared`: name to SOQL condition."""
    routes = dict(model.routes)
    objects = (_shop(model), _product(), _link(model), _visit(model), _line(model))
    with_routes = [
        Object(**{f: getattr(o, f) for f in o.__struct_fields__} | {"route": routes.get(o.name)}) for o in objects
    ]
    shares = {"Shop": model.shop_shared, "Visit": model.visit_shared}
    done = tuple(
        Object(
            **{f: getattr(o, f) for f in o.__struct_fields__}
            | {"shared_with": shared[name] if (name := shares.get(o.name)) is not None else None}
        )
        for o in with_routes
    )
    pack = Pack(name="proof", label="Proof", objects=done, profiles=_profiles(), permission_sets=_sets(), sync_rules=())
    return build([*load_packs(("platform",)), pack])


def _shop(model: Model) -> Object:
    extra = (
        Field(name="Extra", type=T.TEXT, length=40),
        _formula("Loud", 'Extra & "!" & Parent.Extra', T.TEXT),
    )
    return Object(
        name="Shop",
        label="Shop",
        prefix="a00",
        sharing=model.shop,
        fields=(
            Field(name="City", type=T.TEXT, length=40),
            Field(name="Score", type=T.NUMBER, precision=8, scale=2),
            Field(name="Stage", type=T.PICKLIST, values=tuple(PicklistValue(value=v) for v in STAGES)),
            Field(name="Tags", type=T.MULTI_PICKLIST, values=tuple(PicklistValue(value=v) for v in TAGS)),
            Field(name="Visited", type=T.DATE),
            Field(name="Seen", type=T.DATETIME),
            Field(name="Flag", type=T.CHECKBOX),
            Field(name="Code", type=T.TEXT, length=40),
            Field(name="Story", type=T.LONG_TEXT, length=1000),
            Field(name="ParentId", type=T.LOOKUP, references="Shop"),
            Field(name="TerritoryId", type=T.LOOKUP, references="Territory"),
            _formula("Label", f'City & "{model.sign}" & Parent.City', T.TEXT),
            _formula("Big", "Score > 10", T.CHECKBOX),
            _formula("Coded", 'City & "#" & Code', T.TEXT),
            *(extra if model.extra else ()),
        ),
    )


def _product() -> Object:
    kind = Field(name="Kind", type=T.TEXT, length=20)
    return Object(name="Product", label="Product", prefix="a04", sharing=Sharing.READ, fields=(kind,))


def _link(model: Model) -> Object:
    controlled = model.link is Sharing.BY_PARENT
    to_shop = Field(
        name="ShopId",
        type=T.MASTER_DETAIL if controlled else T.LOOKUP,
        references="Shop",
        required=True,
        children="Links",
    )
    territory = Field(name="TerritoryId", type=T.LOOKUP, references="Territory")
    note = Field(name="Note", type=T.TEXT, length=20)
    fields = (to_shop, territory, note)
    return Object(name="Link", label="Link", prefix="a01", sharing=model.link, fields=fields)


def _visit(model: Model) -> Object:
    return Object(
        name="Visit",
        label="Visit",
        prefix="a02",
        sharing=model.visit,
        family=FamilyDeclaration(),
        fields=(
            Field(name="ShopId", type=T.LOOKUP, references="Shop", children="Visits"),
            Field(name="Notes", type=T.TEXT, length=40),
            Field(name="Day", type=T.DATE),
            _formula("Place", 'Shop.City & ":" & Shop.Parent.City', T.TEXT),
            _formula("Title", 'Notes & "@" & Shop.Label', T.TEXT),
        ),
    )


def _line(model: Model) -> Object:
    return Object(
        name="Visit_Line",
        label="Line",
        prefix="a03",
        sharing=model.line,
        fields=(
            Field(name="VisitId", type=T.MASTER_DETAIL, references="Visit"),
            Field(name="ProductId", type=T.LOOKUP, references="Product"),
            Field(name="Amount", type=T.NUMBER, precision=8, scale=2),
            Field(name="Note", type=T.TEXT, length=20),
            _formula("Worth", "Amount * Visit.Shop.Score", T.NUMBER, scale=model.places),
        ),
    )


def _formula(name: str, formula: str, returns: FieldType, scale: int | None = None) -> Field:
    return Field(name=name, type=T.FORMULA, formula=formula, formula_returns=returns, scale=scale)


def _profiles() -> tuple[Profile, ...]:
    """Reps see neither products nor the codes of shops; a boss sees all data."""
    own: Given = dict.fromkeys(("Shop", "Link", "Visit", "Visit_Line"), EVERYTHING)
    people: Given = dict.fromkeys(("User", "Territory", "User_Territory"), (Access.READ,))
    rep = Profile(name="Rep", label="Rep", objects=own | people, fields={"Shop": {"Code": FieldAccess.NONE}})
    boss = Profile(
        name="Boss", label="Boss", objects=people | {"*": EVERYTHING}, system=(SystemPermission.VIEW_ALL_DATA,)
    )
    lead = Profile(name="Lead", label="Lead", objects=people | {"*": EVERYTHING})
    return (rep, lead, boss)


def _sets() -> tuple[PermissionSet, ...]:
    return (
        PermissionSet(name="Products", label="Products", objects={"Product": EVERYTHING}),
        PermissionSet(name="Codes", label="Codes", fields={"Shop": {"Code": FieldAccess.EDIT}}),
        PermissionSet(name="Shops", label="Shops", objects={"Shop": (Access.VIEW_ALL,)}),
    )
