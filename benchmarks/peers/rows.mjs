// What every peer's program shares: the rows, the clock, and how a figure is told.
import { readFileSync } from "node:fs";

export const [, , rowsFile, folder, port] = process.argv;
export const rows = readFileSync(rowsFile, "utf8").trimEnd().split("\n").map(JSON.parse);
export const edits = Math.max(1000, rows.length / 2);
export const now = () => Number(process.hrtime.bigint()) / 1e9;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

export async function timed(work) {
  const began = now();
  await work();
  return now() - began;
}

export function tell(row, seconds) {
  console.log(JSON.stringify({ row, seconds }));
}

process.on("SIGTERM", () => process.exit(1)); // what it started ends with it
