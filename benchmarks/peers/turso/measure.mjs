// Turso sync: an embedded replica that copies database pages, and pushes logical changes to the development server.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect } from "@tursodatabase/sync";
import { edits, folder, median, now, port, rows, sleep, tell, timed } from "../rows.mjs";

mkdirSync(folder, { recursive: true });
const program = new URL("./node_modules/@tursodatabase/cli-linux-x64-gnu/tursodb", import.meta.url).pathname;
const server = spawn(program, [`${folder}/server.db`, "--sync-server", `127.0.0.1:${port}`], { stdio: ["pipe", "ignore", "ignore"] });
process.on("exit", () => server.kill("SIGKILL"));
await sleep(1500);

const url = `http://127.0.0.1:${port}`;
const open = (name, more = {}) => connect({ path: `${folder}/${name}.db`, url, pushOperationsThreshold: 500, ...more });
const columns = Object.keys(rows[0]);
const values = (row) => columns.map((name) => (typeof row[name] === "boolean" ? Number(row[name]) : row[name]));
const insert = (db) => db.prepare(`insert into practice values (?,${columns.map(() => "?").join()})`);

async function inBatches(db, many, write) {
  for (let n = 0; n < many.length; n += 500) {
    await db.exec("begin");
    for (const [at, one] of many.slice(n, n + 500).entries()) await write(one, n + at);
    await db.exec("commit");
  }
}

const seed = await open("seed");
await seed.exec(`create table practice (id text primary key, ${columns.join()})`);
const put = await insert(seed);
await inBatches(seed, rows, (row, n) => put.run([`row${n}`, ...values(row)]));
await seed.push();

let first;
tell("refresh", await timed(async () => { first = await open("first"); }));
const update = await seed.prepare("update practice set Phone = ? where id = ?");
await inBatches(seed, rows.slice(0, 100), (_, n) => update.run(["new", `row${n}`]));
await seed.push();
tell("incremental", await timed(() => first.pull()));

const mine = await first.prepare("update practice set Phone = ? where id = ?");
const add = await insert(first);
await inBatches(first, rows.slice(0, edits / 2), (_, n) => mine.run(["mine", `row${n}`]));
await inBatches(first, rows.slice(0, edits / 2), (row, n) => add.run([`new${n}`, ...values(row)]));
tell("upload", (await timed(() => first.push())) / edits);

const second = await open("second", { longPollTimeoutMs: 5000 });
const look = await second.prepare("select Phone from practice where id = 'row0'");
const shown = new Map();
(async () => {
  for (;;) {
    await second.pull();
    const { Phone } = await look.get();
    shown.get(Phone)?.(now());
  }
})().catch((failed) => console.error(String(failed)));
await sleep(1500);
const taken = [];
for (let n = 0; n < 50; n += 1) {
  const seen = new Promise((done) => shown.set(`turn ${n}`, done));
  const began = now();
  await mine.run([`turn ${n}`, "row0"]);
  await first.push();
  taken.push((await seen) - began);
}
tell("second device", median(taken));
process.exit(0);
