"""Each way a start fails, as a page says it: what happened, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fieldsync.base.problems import Code, Problem
from fieldsync.device.transport.reach import Found
from fieldsync.web.kit.tongue import N_, remedy, sentence


class Step(StrEnum):
    """Where a start is."""

    SERVER = "server"
    SIGN_IN = "sign-in"
    SECRET = "secret"
    TERRITORY = "territory"
    DOWNLOAD = "download"


@dataclass(frozen=True)
class Failure:
    """What a page of failure shows. `name` tells them apart."""

    name: str
    heading: str
    sentence: str
    advice: tuple[str, ...]


NO_NETWORK = Failure(
    "no-network",
    N_("No connection to the server"),
    N_("Nobody answers there. Either this device has no network now, or the address has a mistake in it."),
    (
        N_("Look whether this device is online."),
        N_("Compare the address with what your admin gave you."),
        N_("Then try again."),
    ),
)
DISK_FULL = Failure(
    "disk-full",
    N_("This device has too little room"),
    N_("What came so far is kept, and the download goes on where it was."),
    (N_("Remove files or apps that you do not need."), N_("Then try again.")),
)
_OF_ADDRESS = {
    Found.NO_ADDRESS: Failure(
        "no-address",
        N_("This is no address"),
        N_("An address looks like crm.example.com, or https://crm.example.com:8443."),
        (N_("Copy it from the message of your admin."),),
    ),
    Found.NOBODY: NO_NETWORK,
    Found.OTHER: Failure(
        "not-fieldsync",
        N_("There is another web site at this address"),
        N_("Something answers, and it is no fieldsync server. A network with terms to accept first looks the same."),
        (
            N_("Compare the address with what your admin gave you."),
            N_("In a hotel or at an airport: open any web page, accept the terms, then try again."),
        ),
    ),
    Found.OLDER: Failure(
        "server-too-old",
        N_("The server is older than this app"),
        N_("This version of the app needs a newer server. Nothing was changed."),
        (N_("Ask your admin to update the server."), N_("Or install the version of the app your admin names.")),
    ),
    Found.NEWER: Failure(
        "server-too-new",
        N_("The server is newer than this app"),
        N_("This version of the app cannot talk to it any more. Nothing was changed."),
        (N_("Update the app, then open it again."),),
    ),
}
_OF_CODE = {
    Code.OFFLINE: NO_NETWORK,
    Code.AUTH: Failure(
        "wrong-password",
        N_("This sign-in is wrong"),
        N_("The server knows nobody with this org, user name and password. Who was deactivated gets the same answer."),
        (
            N_("Type all three again; capitals count in the password."),
            N_("If you forgot the password, your admin gives you a new one."),
        ),
    ),
    Code.METADATA_API: Failure(
        "no-rights",
        N_("You may not work on a device"),
        N_("Your user has a right with which this kind of device is not synchronised."),
        (N_("Ask your admin to take the right to change metadata away from your user."),),
    ),
    Code.APP_TOO_OLD: _OF_ADDRESS[Found.NEWER],
    Code.BUSY: Failure(
        "busy", N_("The server is busy"), N_("It asks this device to wait a little."), (N_("Try again in a minute."),)
    ),
}
NO_RIGHTS = Failure(
    "no-rights",
    N_("Nothing is open to you"),
    N_("You are signed in, but your profile lets you read no records. There would be nothing to work with."),
    (N_("Ask your admin for a profile with rights to records."), N_("Then try again.")),
)
CUT = Failure(
    "cut",
    N_("The download was cut"),
    N_("The connection went away. What came so far is kept, and the download goes on where it was."),
    (N_("Look whether this device is online."), N_("Then go on.")),
)
_DISK = "disk of this device"


def of_address(found: Found) -> Failure:
    """Why there is no server of ours at an address."""
    return _OF_ADDRESS[found]


def of_problem(step: Step, found: Problem) -> Failure:
    """Why a step did not go on."""
    if _DISK in found.message:
        return DISK_FULL
    if found.code is Code.FORBIDDEN and "out of service" in found.message:
        return Failure(
            "out-of-service",
            N_("This device was taken out of service"),
            N_("An admin did that, as for a device that was lost. Nothing more is sent to it or taken from it."),
            (N_("Ask your admin to take it into service again."), N_("What you saved here is kept until then.")),
        )
    if found.code is Code.TOO_MANY_SIGN_INS:
        return Failure("too-many", N_("Too many sign-ins failed"), sentence(found), (remedy(found),))
    if step is Step.DOWNLOAD and found.code is Code.OFFLINE:
        return CUT
    if step is Step.DOWNLOAD and found.code is Code.AUTH:
        return Failure(
            "signed-out",
            N_("You are signed out"),
            N_("The server ended the sign-in of this device. What came so far is kept."),
            (N_("Sign in again, then the download goes on."),),
        )
    return _OF_CODE.get(found.code) or Failure("other", N_("That did not work"), sentence(found), (remedy(found),))
