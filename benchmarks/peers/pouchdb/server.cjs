// The server, in a process of its own. Every batch is synced to disk, as fieldsync's are: LevelDB does so only when told.
const path = require("node:path");
const leveldown = require("leveldown");
for (const name of ["_batch", "_put"]) {
  const plain = leveldown.prototype[name];
  leveldown.prototype[name] = function (...given) {
    given[given.length - 2] = { ...given[given.length - 2], sync: true };
    return plain.apply(this, given);
  };
}
if (require.main === module) {
  const [, , folder, port] = process.argv;
  const PouchDB = require("pouchdb").defaults({ prefix: `${folder}${path.sep}` });
  const app = require("express")();
  const options = { mode: "minimumForPouchDB", inMemoryConfig: true, logPath: path.join(folder, "log.txt") };
  app.use("/", require("express-pouchdb")(PouchDB, options));
  app.listen(Number(port), "127.0.0.1", () => process.send("listening"));
}
