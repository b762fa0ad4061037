// PouchDB 9 with express-pouchdb, LevelDB on both sides, every batch synced to disk on both.
import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { edits, folder, median, now, port, rows, sleep, tell, timed } from "../rows.mjs";

const require = createRequire(import.meta.url);
require("./server.cjs");
const PouchDB = require("pouchdb");
const url = `http://127.0.0.1:${port}/bench`;
const batches = { batch_size: 1000, batches_limit: 4 };

mkdirSync(`${folder}/server`, { recursive: true });
const server = fork(new URL("./server.cjs", import.meta.url), [`${folder}/server`, port]);
process.on("exit", () => server.kill("SIGKILL"));
await new Promise((up) => server.once("message", up));

const seed = new PouchDB(url);
const documents = rows.map((row, n) => ({ _id: `row${String(n).padStart(8, "0")}`, ...row }));
for (let n = 0; n < documents.length; n += 1000) await seed.bulkDocs(documents.slice(n, n + 1000));

const first = new PouchDB(`${folder}/first`);
tell("refresh", await timed(() => first.replicate.from(url, batches)));

const changed = (await seed.allDocs({ limit: 100, include_docs: true })).rows.map(({ doc }) => ({ ...doc, Phone: "new" }));
await seed.bulkDocs(changed);
tell("incremental", await timed(() => first.replicate.from(url, batches)));

const half = edits / 2;
const known = (await first.allDocs({ limit: half, include_docs: true })).rows.map(({ doc }) => ({ ...doc, Phone: "mine" }));
await first.bulkDocs(known);
await first.bulkDocs(rows.slice(0, half).map((row, n) => ({ _id: `new${n}`, ...row })));
tell("upload", (await timed(() => first.replicate.to(url, batches))) / edits);

const second = new PouchDB(`${folder}/second`);
await second.replicate.from(url, batches);
first.sync(url, { live: true, retry: true });
second.sync(url, { live: true, retry: true });
await sleep(3000);
const taken = [];
for (let n = 0; n < 50; n += 1) {
  const document = await first.get("new0");
  const shown = new Promise((done) => {
    const watch = second.changes({ live: true, since: "now", include_docs: true });
    watch.on("change", ({ doc }) => doc.Phone === `turn ${n}` && (watch.cancel(), done(now())));
  });
  await sleep(30);
  const began = now();
  await first.put({ ...document, Phone: `turn ${n}` });
  taken.push((await shown) - began);
}
tell("second device", median(taken));
process.exit(0);
