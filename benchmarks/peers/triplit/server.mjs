// The server of Triplit in a process of its own; it makes the rows, and changes them when it is told to.
import { createServer } from "@triplit/server";
import { SQLiteKVStore } from "@triplit/db/storage/sqlite";
import Database from "better-sqlite3";
import { FULL, rows } from "./shared.mjs";

const [, , , folder, port] = process.argv;
const silent = { log() {}, startSpan: () => ({ end() {} }) };
const storage = new SQLiteKVStore(new Database(`${folder}/server.db`), FULL);
const listen = await createServer({ storage, jwtSecret: "secret", projectId: "bench", logHandler: silent });
const { db } = globalThis;

async function seed() {
  for (let n = 0; n < rows.length; n += 1000) {
    await db.transact(async (saved) => {
      for (const [at, row] of rows.slice(n, n + 1000).entries()) await saved.insert("practice", { id: `row${n + at}`, ...row });
    });
  }
}

process.on("message", async ({ phone, count }) => {
  if (count) return process.send((await db.fetch(db.query("practice").Where("Phone", "=", count))).length);
  await db.transact(async (saved) => {
    for (let n = 0; n < 100; n += 1) await saved.update("practice", `row${n}`, { Phone: phone });
  });
  process.send("changed");
});
await seed();
listen(Number(port), () => process.send("up"));
