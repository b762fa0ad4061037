// A device of Zero in a process of its own, its store an SQLite file with synchronous=FULL.
import { mkdirSync } from "node:fs";
import { Zero } from "@rocicorp/zero";
import Sqlite from "@rocicorp/zero-sqlite3";
import { SQLiteStore } from "./node_modules/@rocicorp/zero/out/replicache/src/kv/sqlite-store.js";
import { now } from "../rows.mjs";
import { mutators, queries, schema } from "./shared.mjs";

const [, , , folder, port] = process.argv;
mkdirSync(folder, { recursive: true });

function file(name) {
  const opened = new Sqlite(`${folder}/${name.replace(/\W/g, "_")}.db`);
  const prepare = (text) => {
    const statement = opened.prepare(text);
    return { exec: async (given) => void statement.run(...given), all: async (given) => statement.raw().all(...given) };
  };
  return { close: () => opened.close(), destroy: () => {}, execSync: (text) => opened.exec(text), prepare };
}

const kvStore = { create: (name) => new SQLiteStore(name, file, { journalMode: "WAL", synchronous: "FULL" }), drop: async () => {} };
const zero = new Zero({ schema, mutators, cacheURL: `http://127.0.0.1:${port}`, userID: "u1", kvStore, storageKey: "bench", logLevel: "error" });

const acts = {
  fetch: () => zero.preload(queries.all()).complete,
  watch: ({ id }) => zero.materialize(queries.one({ id })).addListener((found) => {
    const row = Array.isArray(found) ? found[0] : found;
    if (row) process.send({ shown: row.Phone, at: now() });
  }),
  async save({ row }) {
    const at = now();
    await zero.mutate(mutators.practice.change(row)).client;
    return at;
  },
  async saveAll({ changed, added }) {
    const began = now();
    const sent = [
      ...changed.map((row) => zero.mutate(mutators.practice.change(row))),
      ...added.map((row) => zero.mutate(mutators.practice.add(row))),
    ];
    const refused = (await Promise.all(sent.map((one) => one.server))).filter((answer) => answer?.type === "error");
    if (refused.length) throw new Error(`${refused.length} writes were refused: ${JSON.stringify(refused[0])}`);
    return now() - began;
  },
};

process.on("message", async ({ number, act, ...given }) => {
  try {
    process.send({ number, answer: (await acts[act](given)) ?? null });
  } catch (failed) {
    process.send({ number, failed: String(failed?.stack ?? failed) });
  }
});
