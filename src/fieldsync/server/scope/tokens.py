"""The tokens of sync rules and sharing conditions, and what they are for one person (FEATURES A11).

One table for both notations: `@@USER_ID@@` and `{USER.ID}` are USER_ID. Values are looked up once a sync and are part
of a checkpoint's binding, so that a changed alignment brings exactly what it changes. `{ACCOUNT.IDS}` and its kin have
no value: they stand for the rows of that object that the same device is to have (`compose.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.schema.catalog import Catalog

Value = str | tuple[str, ...]
"""One value or several. What a person has not is no value, which equals nothing."""


@dataclass(frozen=True)
class Person:
    """What tokens are made of."""

    user_id: RecordId
    profile_id: str
    profile: str
    org_id: str
    language: str
    locale: str
    time_zone: str
    username: str
    territories: tuple[tuple[str, str], ...] = ()
    """(id, name) of the territories the person works in, the primary one first."""
    picked: str | None = None
    """The one picked on this device: then rules speak of no other. Sharing always means all."""
    below: tuple[str, ...] = ()
    """Ids of every territory under those."""
    team: tuple[str, ...] = ()
    """Users who work in those."""
    application_profile: str | None = None

    @property
    def values(self) -> dict[str, Value]:
        """Every token with its value."""
        return {name: token.of(self) for name, token in TOKENS.items()}

    @property
    def chosen(self) -> tuple[tuple[str, str], ...]:
        """The territories that count in rules."""
        return tuple(t for t in self.territories if self.picked in (None, t[0]))


@dataclass(frozen=True)
class Token:
    """One row of the table: what it stands for, and its value for a person."""

    means: str
    attribute: str

    def of(self, person: Person) -> Value:
        """Its value or values."""
        return _VALUES[self.attribute](person)


_VALUES: Mapping[str, Callable[[Person], Value]] = {
    "user": lambda p: p.user_id,
    "username": lambda p: p.username,
    "profile_id": lambda p: p.profile_id,
    "profile": lambda p: p.profile,
    "application_profile": lambda p: p.application_profile or (),
    "org": lambda p: p.org_id,
    "language": lambda p: p.language,
    "locale": lambda p: p.locale,
    "territory_id": lambda p: p.chosen[0][0] if p.chosen else (),
    "territory": lambda p: p.chosen[0][1] if p.chosen else (),
    "territory_ids": lambda p: tuple(found for found, _ in p.chosen),
    "territories": lambda p: tuple(name for _, name in p.chosen),
    "territory_tree": lambda p: (*(found for found, _ in p.territories), *p.below),
    "team": lambda p: (p.user_id, *p.team),
}

_TERRITORY = Token(
    "id of the territory the person works in; of several the one picked, else the primary", "territory_id"
)
_TERRITORY_NAME = Token("name of that territory", "territory")
_TERRITORIES = Token("ids of all territories the person works in", "territory_ids")
_PROFILE = Token("id of the person's profile", "profile_id")
_ORG = Token("id of the org", "org")
_APPLICATION = Token("the person's application profile", "application_profile")

TOKENS: Mapping[str, Token] = {
    "USER_ID": Token("id of the person", "user"),
    "USER_NAME": Token("the person's user name", "username"),
    "USER_USERNAME": Token("the person's user name", "username"),
    "PROFILE_ID": _PROFILE,
    "USER_PROFILEID": _PROFILE,
    "VOD_SF_PROFILEID": _PROFILE,
    "PROFILE_NAME": Token("name of the person's profile", "profile"),
    "USER_PROFILE": Token("name of the person's profile", "profile"),
    "APPLICATION_PROFILE": _APPLICATION,
    "USER_APPLICATIONPROFILE": _APPLICATION,
    "ORG_ID": _ORG,
    "VOD_MY_ORGID": _ORG,
    "USER_LANGUAGE": Token("language of the person", "language"),
    "LANGUAGE": Token("language of the person", "language"),
    "USER_LOCALE": Token("locale of the person", "locale"),
    "TERRITORY_ID": _TERRITORY,
    "USER_TERRITORYID": _TERRITORY,
    "USER_TERRITORY_ID": _TERRITORY,
    "TERRITORY_NAME": _TERRITORY_NAME,
    "USER_TERRITORY": _TERRITORY_NAME,
    "USER_TERRITORY_NAME": _TERRITORY_NAME,
    "TERRITORY_IDS": _TERRITORIES,
    "USER_TERRITORY_IDS": _TERRITORIES,
    "USER_TERRITORYIDS": _TERRITORIES,
    "TERRITORY_NAMES": Token("names of all territories the person works in", "territories"),
    "TERRITORY_TREE_IDS": Token("ids of those territories and of all below them", "territory_tree"),
    "TEAM_USER_IDS": Token("the person, and everybody who works in a territory below", "team"),
}
"""Name to meaning. A rule with any other token is refused when it is saved (FEATURES A12)."""


def selected_tokens(catalog: Catalog) -> dict[str, str]:
    """Tokens such as ACCOUNT_IDS to the object whose selected rows they stand for."""
    found = {f"{name.upper()}_IDS": name for name in catalog.objects}
    return {token: name for token, name in found.items() if token not in TOKENS}


def known_tokens(catalog: Catalog) -> frozenset[str]:
    """Every token a condition may hold."""
    return frozenset(TOKENS) | selected_tokens(catalog).keys()
