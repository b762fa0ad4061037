"""An org whose operator keeps backups: its two people, the shop both visit, and what an admin sees of a restore."""

from __future__ import annotations

import httpx
import psycopg
from psycopg import sql
from tests.scenarios.stage import PASSWORD, Stage

from fieldsync.base.ids import RecordId
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows


class Backups:
    """What the operator does: a copy of the database, and the copy in its place."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._name = psycopg.conninfo.conninfo_to_dict(stage.uri)["dbname"]
        self._admin = stage.uri.replace(f"/{self._name}?", "/postgres?", 1)

    def take(self) -> None:
        self._stage.stop_server()
        self._copy(str(self._name), f"{self._name}_backup")
        self._stage.start_server()

    def restore(self) -> None:
        self._stage.stop_server()
        self._copy(f"{self._name}_backup", str(self._name))
        self._stage.start_server()

    def drop(self) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", f"{self._name}_backup")

    def _copy(self, source: str, target: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", target)
        self._run("CREATE DATABASE {} TEMPLATE {}", target, source)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Org:
    """Sarah, Tom, the shop they both visit, and the operator."""

    def __init__(self, stage: Stage, sarah: str, tom: str) -> None:
        self.stage, self.sarah, self.tom = stage, sarah, tom
        self.backups = Backups(stage)
        with seeding_org(stage.uri, stage.org, stage.world) as seeding:
            [shop] = insert_rows(seeding, "Shop", [{"Name": "Corner", "City": "Oslo"}])
        self.shop = RecordId(shop)

    def shops(self, count: int) -> list[RecordId]:
        """So many more, in the same city."""
        rows = [{"Name": f"{number}", "City": "Oslo"} for number in range(count)]
        with seeding_org(self.stage.uri, self.stage.org, self.stage.world) as seeding:
            return [RecordId(shop) for shop in insert_rows(seeding, "Shop", rows)]

    def start_anew(self) -> None:
        """PostgreSQL's process ends and begins again, as far as the servers can tell."""
        self.run("UPDATE _epoch SET cluster = regexp_replace(cluster, ' [^ ]*$', ' 1700000000.0')")
        self.stage.stop_server()
        self.stage.start_server()

    def gather(self, minutes: int) -> None:
        """So long after a restore saves that are offered again only gather."""
        with seeding_org(self.stage.uri, self.stage.org, self.stage.world) as seeding:
            setting = {"Name": "w", "Setting": "Recovery_Window_Minutes", "Value": str(minutes)}
            insert_rows(seeding, "Sync_Setting", [setting])

    def end_of_window(self) -> None:
        """The hour is over: the epoch began long ago."""
        self.run("UPDATE _epoch SET begun_at = begun_at - interval '2 hours'")

    def apply_now(self) -> None:
        """The job that was put off to the end of the window is due."""
        self.run("UPDATE _undecided SET due_at = now() WHERE offered IS NOT NULL")
        self.run("UPDATE fieldsync_jobs.procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")

    def recovery(self) -> dict[str, str]:
        """What was offered again: how each transaction stands."""
        rows = self.stage.rows("Sync_Transaction")
        return {i: row["Status"] for i, row in rows.items() if row["Offered_Again"] is not None}

    def recovery_page(self) -> str:
        """The console's page, as an admin sees it."""
        with httpx.Client(base_url=f"{self.stage.address}/console", headers={"origin": self.stage.address}) as browser:
            admin = {"org": self.stage.org, "username": f"admin@{self.stage.org}.example", "password": PASSWORD}
            assert browser.post("/enter", data=admin).status_code == 303
            return browser.get("/recovery").raise_for_status().text

    def run(self, statement: str) -> None:
        with psycopg.connect(self.stage.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(f"org_{self.stage.org}")))
            connection.execute(statement.encode())
