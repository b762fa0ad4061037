"""Signing in, device registration, and the settings and catalog a device starts from.

`POST /sync/v1/session` signs a person in on a device and registers the device the first time. The device key is a
random secret the device made; the server keeps its hash and every device number it gave to that key.
Access tokens are opaque and short-lived; a refresh token is bound to the device key and rotates (THREATS T16).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from fieldsync.base.ids import DeviceNumber, RecordId

SERVICE = "fieldsync"
SYNC_VERSION = 1
"""Of `/sync/v1`, which this version of the app speaks and this version of the server answers."""


class Platform(StrEnum):
    """What the device is (FEATURES A03)."""

    IPAD = "iPad"
    IPHONE = "iPhone"
    WINDOWS = "Windows"
    ANDROID = "Android"
    MAC = "Mac"
    BROWSER = "browser"


class DeviceDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device says of itself. `key`: 43 characters or more of random base64url text, made once per store."""

    key: str
    name: str
    platform: Platform
    os_version: str
    app_version: str
    number: DeviceNumber | None = None
    """The number it holds, if it was registered before."""


class Software(msgspec.Struct, frozen=True):
    """What a device is and runs, noted with what it uploads (FEATURES J01): app and data model come as headers."""

    platform: str | None = None
    app_version: str | None = None
    metadata_version: str | None = None
    """Of the data model it works with."""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`POST /sync/v1/session`. `epoch`: the last one the device was told of."""

    org: str
    username: str
    password: str
    device: DeviceDescription
    epoch: str = ""


class Renew(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`POST /sync/v1/session/renew`: a fresh pair of tokens for a refresh token and the key it is bound to.

    `epoch`: the last one the device was told of. `number`: its own.
    """

    refresh_token: str
    device_key: str
    epoch: str = ""
    number: str = ""


class UserInfo(msgspec.Struct, frozen=True):
    """Who is signed in."""

    id: RecordId
    username: str
    name: str
    profile: str
    time_zone: str
    locale: str
    permission_sets: tuple[str, ...] = ()
    """What he has beside his profile, as it was at sign-in: for what pages offer. The server asks anew each time."""
    language: str = ""
    """Of the pages, as it was at sign-in; empty where a server does not say."""


class History(msgspec.Struct, frozen=True):
    """Where the server's history stands (DESIGN 5, epochs). Access tokens end with an epoch, so nobody misses it.

    `lost_from`: of what was saved with this stamp or a later one the server may know nothing; None: it knows all of it.
    `confirmed`: by device number, up to which queue number it knows every save. `sent`: the highest it was ever sent; a
    device that never minted it is an older image of itself.
    """

    epoch: str
    lost_from: int | None = None
    confirmed: dict[DeviceNumber, int] = {}
    sent: dict[DeviceNumber, int] = {}


class Tokens(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pair of tokens; `expires_in` seconds of the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    history: History | None = None


class FileLimits(msgspec.Struct, frozen=True):
    """Which files of an object a device gets by itself (FEATURES L10); one that a person asks for comes in any case."""

    each: int | None = None
    """Of one record they hang on, the newest so many; None: all."""
    bytes: int | None = None
    """None: of any size."""
    types: tuple[tuple[str, ...], ...] = ()
    """Of each of these lists it has to be one: a media type, `image/*`, or the ending of a name, `pdf`."""


class Settings(msgspec.Struct, frozen=True):
    """Server settings a device follows; sent with every sign-in, and at the end of every download."""

    poll_seconds: float
    heartbeat_seconds: float
    items_per_transaction: int
    overdue_days: int
    """Pending longer than this shows red; 0 is never (FEATURES H06)."""
    offline_days: int = 30
    """Whose last download is older refreshes the database at the next sync (FEATURES E12); 0 is never."""
    off_wifi_megabytes: int = 25
    """Off Wi-Fi a download of more is asked about first (FEATURES E26)."""
    idle_minutes: int = 60
    """Without a touch for so long the app locks (FEATURES M04)."""
    send_retries: int = 3
    """What was sent again so often without an answer is told (FEATURES J23)."""
    related_record_names: bool = False
    """Whether records that are not on the device, and are pointed to, are shown by their names."""
    one_way: tuple[str, ...] = ()
    """Objects whose sync rule goes to this device only: nothing of them is saved on it (FEATURES A32)."""
    files: dict[str, FileLimits] = {}
    """By object, where a sync rule sets a limit."""
    attachments: tuple[str, ...] | None = None
    """Objects whose sync rule includes the files on their records; None: a server that does not say, so all."""
    texts: dict[str, tuple[str, ...]] = {}
    """By object, fields of which a long text is a file (FEATURES L06)."""
    rules_left: tuple[str, ...] | None = None
    """Objects whose validation rules only the server may ask, because a trigger may change the rows before them; None:
    a server that does not say, so all (FEATURES F08)."""
    nightly: bool = False
    """Whether an app that is open, plugged in and not in use syncs by itself at night (FEATURES E17)."""
    detailed_log: bool = False
    """Whether the device's log has every request too (FEATURES I14)."""


class Supporter(msgspec.Struct, frozen=True):
    """The admin of a support session, and whether what he saves is taken."""

    id: RecordId
    saves: bool


class Support(msgspec.Struct, frozen=True):
    """That a session is a support session (FEATURES B24): whose eyes see this person's view, why, and until when.

    `editing`: what is saved goes live at once, in the person's name; else nothing may be saved.
    """

    by: str
    reason: str
    until: str
    editing: bool = False


class OpenSupport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /sync/v1/support`: open the support session that an admin began, once, with the code the console showed.

    Answered by `Session`. `GET /sync/v1/support` asks with its token how it stands, answered by `Support`; when it has
    ended, however it did, the answer is AUTH. `POST /sync/v1/support/end` ends it.
    """

    code: str
    device: DeviceDescription


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """Answer to both: tokens, who, and the device's number."""

    tokens: Tokens
    user: UserInfo
    org_id: str
    device_number: DeviceNumber
    settings: Settings
    catalog_version: str
    support: Support | None = None


class PickTerritory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /sync/v1/device/territory`: the one of several that the person works in on this device; None: all."""

    territory_id: RecordId | None = None


class Picked(msgspec.Struct, frozen=True):
    """Answer to it: the rules of this device's next download speak of this one."""

    territory_id: RecordId | None = None


class Assigned(msgspec.Struct, frozen=True):
    """A territory the person works in; `primary`: the one he starts in."""

    id: RecordId
    name: str
    primary: bool = False


class MyTerritories(msgspec.Struct, frozen=True):
    """Answer to `GET /sync/v1/device/territories`, the primary one first."""

    territories: tuple[Assigned, ...] = ()


class NewNumber(msgspec.Struct, frozen=True):
    """Answer to `POST /sync/v1/device/number`: after a fork the device goes on under this number."""

    device_number: DeviceNumber


class Greeting(msgspec.Struct, frozen=True):
    """Answer to `GET /health`: by this a device knows a server of ours before any password is typed.

    `sync`: versions of the sync protocol it answers; a server before there were any says none.
    """

    status: str
    version: str
    service: str = ""
    sync: tuple[int, ...] = ()


class KeepRescue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /sync/v1/device/rescue`: keep this secret for the asking device, in place of an earlier one.

    The device has wrapped its database key with it and keeps the wrapped key; neither opens anything alone. The server
    gives the secret out for the person's password, while the device is in service (THREATS T2, T4).
    """

    secret: str


class RescueKept(msgspec.Struct, frozen=True):
    """Answer to it."""

    kept: bool = True


class AskRescue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /sync/v1/rescue`: asked without a token, since that lies in the closed database."""

    org: str
    username: str
    password: str
    device_number: str


class Rescue(msgspec.Struct, frozen=True):
    """Answer to it."""

    secret: str
