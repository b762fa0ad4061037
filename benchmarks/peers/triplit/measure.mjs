// Triplit with SQLite on both sides: a schemaless collection, the last write of an attribute wins.
import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { TriplitClient } from "@triplit/client";
import { SQLiteKVStore } from "@triplit/client/storage/sqlite";
import Database from "better-sqlite3";
import { SignJWT } from "jose";
import WebSocket from "ws";
import { edits, folder, median, now, port, rows, sleep, tell, timed } from "../rows.mjs";
import { FULL } from "./shared.mjs";

globalThis.WebSocket = WebSocket;
mkdirSync(folder, { recursive: true });
const server = fork(new URL("./server.mjs", import.meta.url), process.argv.slice(2));
process.on("exit", () => server.kill("SIGKILL"));
const heard = () => new Promise((said) => server.once("message", said));
await heard();
const ask = (what) => { const said = heard(); server.send(what); return said; };

const claims = { "x-triplit-token-type": "secret", "x-triplit-project-id": "bench" };
const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setIssuedAt().sign(new TextEncoder().encode("secret"));

async function open(name) {
  const storage = new SQLiteKVStore(new Database(`${folder}/${name}.db`), FULL);
  const client = new TriplitClient({ storage, serverUrl: `http://127.0.0.1:${port}`, token, autoConnect: false, logLevel: "error" });
  await client.ready;
  return client;
}

/** Resolves with what ends the subscription, when the device has all that the query asks for. */
const held = (client, query) => new Promise((done, onError) => {
  const end = client.subscribeBackground(query, { onFulfilled: () => done(() => end()), onError });
});
const phone = async (client, n) => (await client.fetchById("practice", `row${n}`, { policy: "local-only" }))?.Phone;

let first = await open("first");
let end;
tell("refresh", await timed(async () => { await first.connect(); end = await held(first, first.query("practice")); }));

first.disconnect();
await ask({ phone: "new" });
tell("incremental", await timed(async () => {
  await first.connect();
  for (let n = 0; n < 100; ) if ((await phone(first, n)) === "new") n += 1; else await sleep(1);
}));

end();
first.disconnect();
first = await open("first"); // one that has subscribed to nothing: with the collection subscribed its upload takes minutes
const half = edits / 2;
await first.transact(async (saved) => { for (let n = 0; n < half; n += 1) await saved.update("practice", `row${n}`, { Phone: "mine" }); });
await first.transact(async (saved) => { for (let n = 0; n < half; n += 1) await saved.insert("practice", { id: `new${n}`, ...rows[n] }); });
const sent = () => first.db.entityStore.doubleBuffer.isEmpty(first.db.kv);
tell("upload", (await timed(async () => {
  await first.connect();
  while (!(await sent())) { await first.syncWrites(); await sleep(5); }
})) / edits);
const arrived = await ask({ count: "mine" });
if (arrived !== half) throw new Error(`${arrived} of ${half} changes are on the server`);
first.disconnect();

// Both subscribe to one record only.
const [mine, second] = [await open("mine"), await open("second")];
const shown = new Map();
for (const client of [mine, second]) {
  await client.connect();
  await held(client, client.query("practice").Where("id", "=", "row0"));
}
second.subscribe(second.query("practice").Where("id", "=", "row0"), ([row]) => shown.get(row?.Phone)?.(now()), undefined, { localOnly: true });
await sleep(1000);
const taken = [];
for (let n = 0; n < 50; n += 1) {
  const seen = new Promise((done) => shown.set(`turn ${n}`, done));
  const began = now();
  await mine.update("practice", "row0", { Phone: `turn ${n}` });
  taken.push((await seen) - began);
  await sleep(20);
}
tell("second device", median(taken));
process.exit(0);
