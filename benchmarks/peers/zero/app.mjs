// The app's own server that Zero asks: what a query means, and each write as a transaction of PostgreSQL.
import { createServer } from "node:http";
import { mustGetMutator, mustGetQuery } from "@rocicorp/zero";
import { handleMutateRequest, handleQueryRequest } from "@rocicorp/zero/server";
import { zeroNodePg } from "@rocicorp/zero/server/adapters/pg";
import pg from "pg";
import { mutators, queries, schema } from "./shared.mjs";

const database = zeroNodePg(schema, new pg.Pool({ connectionString: process.env.UPSTREAM, max: 8 }));
const ANSWERS = {
  "/query": (query, body) =>
    handleQueryRequest({ handler: (name, args) => mustGetQuery(queries, name).fn({ args, ctx: {} }), schema, userID: "u1", query, body }),
  "/mutate": (query, body) =>
    handleMutateRequest({
      dbProvider: database, userID: "u1", query, body,
      handler: (transact) => transact((tx, name, args) => mustGetMutator(mutators, name).fn({ tx, args, ctx: {} })),
    }),
};

createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { pathname, searchParams } = new URL(request.url, "http://here");
  try {
    const answer = await ANSWERS[pathname](searchParams, JSON.parse(Buffer.concat(parts)));
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  } catch (failed) {
    response.writeHead(500).end(String(failed));
  }
}).listen(Number(process.argv[2]), "127.0.0.1", () => process.send("up"));
