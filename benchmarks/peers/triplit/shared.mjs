// Every commit is on disk before it is acknowledged, on both sides: Triplit's own default is NORMAL.
export { rows } from "../rows.mjs";
export const FULL = { pragma: "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" };
