"""The console in a scenario: its pages asked for and its buttons pressed, as an admin's browser does it."""

from __future__ import annotations

import re

import httpx
from tests.scenarios.stage import PASSWORD, Stage


class Console:
    """The console as an admin's browser uses it."""

    def __init__(self, stage: Stage, admin: str) -> None:
        self._browser = httpx.Client(base_url=f"{stage.address}/console", headers={"origin": stage.address})
        signed_in = {"org": stage.org, "username": admin, "password": PASSWORD}
        assert self._browser.post("/enter", data=signed_in).status_code == 303

    def open(self, transaction: str) -> str:
        return self._browser.get(f"/transactions/{transaction}").raise_for_status().text

    def act(self, transaction: str, act: str, **fields: str) -> httpx.Response:
        """Press a button of the transaction's page; the fields of its form go along as the page had them."""
        page = self.open(transaction)
        data = {**form_of(page), "act": act, **fields}
        return self._browser.post(f"/transactions/{transaction}/act", data=data)

    def simulate(self, transaction: str = "") -> str:
        page = self._browser.get("/transactions").raise_for_status().text
        where = f"/transactions/{transaction}/simulate" if transaction else "/parts/simulation/saves"
        answer = self._browser.post(where, data={"page_token": form_of(page)["page_token"]})
        return answer.raise_for_status().text

    def comment(self, transaction: str, text: str) -> httpx.Response:
        data = {"page_token": form_of(self.open(transaction))["page_token"], "text": text}
        return self._browser.post(f"/transactions/{transaction}/comment", data=data)

    def listed(self, **filters: str) -> str:
        return self._browser.get("/transactions", params=filters).raise_for_status().text

    def retention(self) -> str:
        return self._browser.get("/retention").raise_for_status().text

    def keep(self, **fields: str) -> httpx.Response:
        data = {"page_token": form_of(self.retention())["page_token"], "Active": "true", **fields}
        return self._browser.post("/retention/save", data=data)

    def schedules(self) -> str:
        return self._browser.get("/schedules").raise_for_status().text

    def schedule(self, schedule: str, act: str, **fields: str) -> httpx.Response:
        data = {"page_token": form_of(self.schedules())["page_token"], **fields}
        return self._browser.post(f"/schedules/{schedule}/{act}", data=data)

    def close(self) -> None:
        self._browser.close()


def form_of(page: str) -> dict[str, str]:
    """Every named input of a page with its value."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in given:
            found[given["name"]] = given.get("value", "").replace("&#34;", '"').replace("&quot;", '"')
    return found
