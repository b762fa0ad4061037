"""Whether an approved e-mail may go out: asked by the device before it is saved, decided by the server when it is sent.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

OBJECT, TEMPLATE, OPTED_IN, OPTED_OUT = "Sent_Email", "E-mail Template", "Opted In", "Opted Out"
QUEUED, SENT, REFUSED, FAILED = "Queued", "Sent", "Refused", "Failed"
Values = Mapping[str, object]


class Why(StrEnum):
    """Why not, as a sentence."""

    NOT_ASKED = "This account has not agreed to e-mails."
    OPTED_OUT = "This account does not want e-mails."
    NO_ADDRESS = "This account has no e-mail address."
    OTHER_ADDRESS = "The account has another e-mail address now."
    NOT_ACTIVE = "This account is not active any more."
    NOT_APPROVED = "This template may not be used any more."
    OTHER_VERSION = "The template has a newer version: look at it and send that one."


def why_not_to(account: Values) -> Why | None:
    """Why this account gets no e-mail; None: it may."""
    if account.get("Status") in ("Deceased", "Merged"):
        return Why.NOT_ACTIVE
    if account.get("Email_Consent") == OPTED_OUT:
        return Why.OPTED_OUT
    if account.get("Email_Consent") != OPTED_IN:
        return Why.NOT_ASKED
    return None if account.get("Email") else Why.NO_ADDRESS


def is_usable(template: Values, today: date) -> bool:
    """Whether a template may be used on this day: approved, and within its dates."""
    first, last = str(template.get("Valid_From") or ""), str(template.get("Valid_Until") or "")
    within = (not first or first <= today.isoformat()) and (not last or today.isoformat() <= last)
    return within and template.get("Type") == TEMPLATE and template.get("Status") == "Approved"


def why_not(account: Values, template: Values, email: Values, today: date) -> Why | None:
    """Why this e-mail is not sent; None: it is."""
    refused = why_not_to(account)
    if refused is not None:
        return refused
    if str(account["Email"]).casefold() != str(email.get("To_Address") or "").casefold():
        return Why.OTHER_ADDRESS
    if not is_usable(template, today):
        return Why.NOT_APPROVED
    return None if template.get("Checksum") == email.get("Content_Checksum") else Why.OTHER_VERSION
