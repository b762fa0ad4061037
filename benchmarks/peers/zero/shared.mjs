// The table, the queries and the writes, as an app of Zero declares them once for its two sides.
import { readFileSync } from "node:fs";
import {
  boolean, createBuilder, createSchema, defineMutator, defineMutators, defineQueries, defineQuery, number, string, table,
} from "@rocicorp/zero";

const TYPES = { string: [string, "text"], number: [number, "integer"], boolean: [boolean, "boolean"] };
const sample = JSON.parse(readFileSync(process.env.ROWS, "utf8").split("\n", 1)[0]);
const kinds = Object.entries(sample).map(([name, value]) => [name, ...TYPES[typeof value]]);

export const create = `create table practice (id text primary key, ${kinds.map(([name, , type]) => `"${name}" ${type}`).join()})`;
export const schema = createSchema({
  tables: [table("practice").columns({ id: string(), ...Object.fromEntries(kinds.map(([name, kind]) => [name, kind()])) }).primaryKey("id")],
});
const builder = createBuilder(schema);
export const queries = defineQueries({
  all: defineQuery(() => builder.practice),
  one: defineQuery(({ args }) => builder.practice.where("id", args.id)),
});
export const mutators = defineMutators({
  practice: {
    change: defineMutator(({ tx, args }) => tx.mutate.practice.update(args)),
    add: defineMutator(({ tx, args }) => tx.mutate.practice.insert(args)),
  },
});
