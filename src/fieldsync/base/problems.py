"""The one catalogue of operating errors: stable code, HTTP status, sentence for the person, remedy.

A sync error is a `Problem` value inside an outcome. `Refused` carries one out of a request. Bugs assert instead.
The codes of FEATURES G03 keep their names; a code never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from fieldsync.base.codes import Code

__all__ = ["CATALOGUE", "Code", "Kind", "Problem", "Refused", "problem"]


@dataclass(frozen=True)
class Kind:
    """One row of the catalogue. `sentence` may hold `{name}` places filled from the problem's details."""

    status: int
    sentence: str
    remedy: str


CATALOGUE: dict[Code, Kind] = {
    Code.BAD_REQUEST: Kind(
        400, "The request could not be read: {reason}.", "Update the app; if it stays, send the log to your admin."
    ),
    Code.TOO_LARGE: Kind(413, "The request is larger than {limit} allows.", "Send less at once."),
    Code.AUTH: Kind(
        401, "You are not signed in, or the sign-in has expired.", "Sign in again; nothing you saved is lost."
    ),
    Code.TOO_MANY_SIGN_INS: Kind(
        429,
        "Too many sign-ins failed, so this one was not looked at. The next is possible in {seconds} s.",
        "Wait, then sign in with the right password. If you forgot it, your admin gives you a new one.",
    ),
    Code.FORBIDDEN: Kind(403, "This is not open to you: {reason}.", "Ask your admin for access."),
    Code.NOT_FOUND: Kind(404, "{object} {id} is not there, or is not open to you.", "Sync, then look again."),
    Code.BUSY: Kind(
        429, "The server is busy with your other requests.", "Nothing to do: the device tries again by itself."
    ),
    Code.FORK: Kind(
        409,
        "This device and the server disagree about what was sent: {reason}.",
        "The device takes a new number and sends again by itself.",
    ),
    Code.BAD_CURSOR: Kind(
        400, "The position this device sent is none the server gave it.", "Run a sync; if that does not help, refresh."
    ),
    Code.INCREMENTAL_REQUIRED: Kind(
        409, "This device has been away for longer than news is kept.", "Run an incremental sync."
    ),
    Code.APP_TOO_OLD: Kind(
        426, "This version of the app is too old for the server.", "Update the app; what you saved can still be sent."
    ),
    Code.UNKNOWN_OBJECT: Kind(422, "There is no object {object}.", "Sync to get the current data model."),
    Code.UNKNOWN_FIELD: Kind(422, "{object} has no field {field}.", "Sync to get the current data model."),
    Code.METADATA_CHANGED: Kind(
        409,
        "{what} is not part of the data model any more.",
        "Undo your change, or send the rest of it again without that.",
    ),
    Code.READ_ONLY: Kind(
        422, "{label} is loaded from files and is read-only.", "Ask your admin to load a file with the right values."
    ),
    Code.ONE_WAY: Kind(
        422, "{label} goes to devices only, and is not changed on them.", "Change it in the console, or ask your admin."
    ),
    Code.READ_ONLY_FIELD: Kind(422, "{field} is set by the system and cannot be changed.", "Leave the field as it is."),
    Code.WRONG_TYPE: Kind(422, "{field} takes {expected}, not {given}.", "Correct the value and save again."),
    Code.TOO_LONG: Kind(
        422, "{field} holds {length} characters; {limit} are allowed.", "Shorten the text and save again."
    ),
    Code.OUT_OF_RANGE: Kind(422, "{field} is out of range: {reason}.", "Correct the value and save again."),
    Code.REQUIRED: Kind(422, "{field} must be filled in.", "Fill in the field and save again."),
    Code.PICKLIST: Kind(422, "{value} is not one of the values of {field}.", "Choose one of the offered values."),
    Code.INVALID_REF: Kind(422, "{field} points to a record that is not there: {value}.", "Choose another record."),
    Code.BAD_RECORD_ID: Kind(
        422, "The record id {id} is not one this device may give: {reason}.", "Create the record again."
    ),
    Code.PERMISSION: Kind(403, "You may not {operation} {object}.", "Ask your admin for the permission."),
    Code.FIELD_PERMISSION: Kind(403, "You may not change {field} of {object}.", "Ask your admin for the permission."),
    Code.METADATA_API: Kind(
        403,
        "You may change metadata through the API, so this {platform} is not synchronised.",
        "Ask your admin to take that permission away; what you saved is kept and sent then.",
    ),
    Code.VISIBILITY_LOST: Kind(403, "This record is no longer open to you.", "Undo your change, or ask your admin."),
    Code.CONFLICT_OLD_VALUE: Kind(
        409,
        "Somebody changed {field} before your change arrived.",
        "Compare both versions. Undo yours, then change the record again where yours should stand.",
    ),
    Code.DELETE_DENIED: Kind(409, "This record cannot be deleted: {reason}.", "Undelete it on this device."),
    Code.ENTITY_DELETED: Kind(
        409, "This record was deleted online.", "Undo your change, or ask your admin to restore the record."
    ),
    Code.LOCKED: Kind(
        409, "This record was submitted and is locked.", "Undo your change, or ask for it to be unlocked."
    ),
    Code.SIGNED: Kind(
        409,
        "This record was signed: it cannot be changed while the signature stands.",
        "Undo your change, or take the signature back, change the record and have it signed again.",
    ),
    Code.DUPLICATE: Kind(
        409, "{field} {value} is already used by another record.", "Use the other record, or change the value."
    ),
    Code.LINKED: Kind(
        409, "This {label} was there already: yours now stands for it.", "Look whether it lacks what you had entered."
    ),
    Code.SUBMITTED_ELSEWHERE: Kind(
        409, "Submitted elsewhere first: this {label} did not take your changes.", "Nothing to do: a copy is kept."
    ),
    Code.DUPLICATED_ELSEWHERE: Kind(
        409, "Submitted elsewhere first: your changes to this {label} are in a duplicate.", "Complete it, or delete it."
    ),
    Code.BACKDATE: Kind(
        422, "{field} is more than {days} days ago; it cannot be submitted.", "Correct the date, or save it only."
    ),
    Code.FUTURE_DATE: Kind(
        422, "{field} is in the future; it cannot be submitted yet.", "Correct the date, or submit it when it is past."
    ),
    Code.RECORD_TYPE: Kind(
        422, "{value} is no record type of {object} in use.", "Choose one of the offered record types."
    ),
    Code.TRIGGER: Kind(422, "The save logic of {object} failed: {reason}.", "Tell your administrator."),
    Code.RECURSION: Kind(422, "The save logic does not come to an end: {reason}.", "Tell your administrator."),
    Code.DEVICE_WIPE: Kind(
        403, "Your admin had this device emptied.", "Ask your admin whether you may sign in on it again."
    ),
    Code.SUPPORT_READ_ONLY: Kind(
        403,
        "This support session only looks: nothing of {name} is changed by it.",
        "To save in the name of {name}, switch editing on at this session's page in the console.",
    ),
    Code.SYNC_RULE: Kind(
        422, "This sync rule does not fit: {reason}", "Ask your administrator to correct the sync rule."
    ),
    Code.REFRESH_REQUIRED: Kind(
        409, "What this device holds cannot be brought up to date: {reason}.", "Refresh the database; nothing is lost."
    ),
    Code.TOO_MANY_ROWS: Kind(
        409,
        "{count} rows of {what} are selected for this device; {limit} are allowed.",
        "Ask your administrator to narrow the sync rules; what this device holds stays as it is.",
    ),
    Code.TOO_MANY_ACCOUNTS: Kind(
        409,
        "{count} accounts are selected for this device; {limit} are allowed on {platform}.",
        "Ask your administrator to narrow the sync rules; what this device holds stays as it is.",
    ),
    Code.VALIDATION: Kind(422, "{message}", "Correct the record and save again."),
    Code.ROW_LOCK: Kind(409, "Another save held this record for too long.", "Nothing to do: it is tried again."),
    Code.DECIDED: Kind(
        409, "This transaction is {status}; you cannot {act} it.", "Look again: somebody else may have been faster."
    ),
    Code.TIMEOUT: Kind(504, "The server took too long.", "Try it again later; tell your admin if it happens again."),
    Code.PARTS_INCOMPLETE: Kind(
        409, "Only {received} of {expected} items of this save arrived.", "Nothing to do: the device sends the rest."
    ),
    Code.FAMILY: Kind(
        422, "These records cannot be saved together: {reason}.", "Save the records of one {object} at a time."
    ),
    Code.DIGEST: Kind(
        409,
        "What this device holds is not what the server says it should hold: {reason}.",
        "Refresh the database; nothing is lost. If it comes back, call your admin.",
    ),
    Code.OFFLINE: Kind(
        503, "There is no connection to the server.", "Try again when you are online; what you save is kept."
    ),
    Code.SYNC_RUNNING: Kind(409, "A sync is running already.", "Wait until it has ended, or cancel it."),
    Code.SYNC_CANCELED: Kind(409, "The sync was canceled.", "Start it again: it goes on where it was."),
    Code.WRONG_KEY: Kind(401, "This key does not open the database on this device.", "Enter the right passphrase."),
    Code.STORE_DAMAGED: Kind(
        500, "The database on this device is damaged: {reason}.", "Keep the device as it is and call your admin."
    ),
    Code.OPEN_ELSEWHERE: Kind(
        409,
        "The database on this device is in use by another program (process {pid}).",
        "Close the other program first.",
    ),
    Code.DATABASE_UNFIT: Kind(503, "This PostgreSQL cannot be used: {reason}.", "Correct it, then start again."),
    Code.DATABASE_UNREACHABLE: Kind(
        503, "PostgreSQL does not answer: {reason}.", "Start it, or correct its address, then try again."
    ),
    Code.DEPLOY_LOSES_DATA: Kind(
        409, "This deploy would lose data: {steps}.", "Look at it with --plan; to go on, deploy with --allow-drop."
    ),
    Code.DEPLOY_FAILED: Kind(
        422, "The deploy was not finished. {step}: {reason}.", "Correct the data or the catalog, then deploy again."
    ),
    Code.NO_ORG: Kind(404, "There is no org {name}.", "See the orgs with: fieldsync org list"),
    Code.ORG_EXISTS: Kind(
        409, "There is an org {name} already.", "Choose another name, or drop that org first (fieldsync org drop)."
    ),
    Code.ORG_NEWER: Kind(
        409, "A newer fieldsync has brought {name} to level {level}; this one knows {known}.", "Use the newer one."
    ),
    Code.ORG_OLDER: Kind(
        409, "{name} was made by an earlier fieldsync.", "Start the server, or run: fieldsync org upgrade"
    ),
    Code.UNUSABLE: Kind(422, "{what} cannot be used: {reason}.", "Correct it, or name another one."),
    Code.BAD_NAME: Kind(422, "{name} cannot be a name here: {reason}.", "Choose another name."),
    Code.WEAK_PASSWORD: Kind(422, "This password cannot be used: {reason}.", "Choose another password."),
    Code.FILE_REFUSED: Kind(
        409,
        "The server did not take the file of {what}: all of it is on this device only.",
        "Copy it. Your admin can open the field or the record for it again; then it goes by itself.",
    ),
    Code.UNKNOWN_REASON: Kind(
        422, "{message}", "Update the app: it is older than this reason. Nothing you saved is lost."
    ),
    Code.UNKNOWN_OUTCOME: Kind(
        422,
        "The server has this save, and decided on it in a way that this version of the app does not know ({name}).",
        "Update the app: then it says what became of it. Nothing you saved is lost, and nothing is sent twice.",
    ),
    Code.INTERNAL: Kind(
        500, "Something went wrong on our side.", "Nothing to do: the device tries again. The log has number {number}."
    ),
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One refusal: what, where and why. `details` fills the sentence's places and, for a conflict, holds
    base, mine, theirs, who and when."""

    code: Code
    message: str
    object: str | None = None
    id: str | None = None
    field: str | None = None
    details: dict[str, Any] = {}

    @property
    def remedy(self) -> str:
        """What the person can do about it."""
        return CATALOGUE[self.code].remedy


class Refused(Exception):
    """A request that cannot be served: carries the problem to the edge, where it becomes a status and a body."""

    def __init__(self, problem: Problem, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{problem.code}: {problem.message}")
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds


def problem(
    code: Code, /, *, object: str | None = None, id: str | None = None, field: str | None = None, **details: Any
) -> Problem:
    """A problem with its sentence filled in from the catalogue."""
    places = {"object": object or "record", "id": id or "", "field": field or "a field", **details}
    return Problem(code, CATALOGUE[code].sentence.format_map(_Places(places)), object, id, field, details)


class _Places(dict[str, Any]):
    """Leaves a place that nobody filled readable instead of failing while an error is reported."""

    def __missing__(self, key: str) -> str:
        return f"({key})"
