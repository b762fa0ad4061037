// The engine's worker: Python, the encrypted store on the origin private file system, and one task after another.
import { loadPyodide } from "./pyodide.mjs";
import { Pool, fileSystem } from "./opfs.mjs";

async function start() {
  const began = performance.now();
  const pool = await Pool.open("fieldsync");
  const python = await loadPyodide({ indexURL: "./" });
  const emscripten = python._module;
  // SQLite asks for fdatasync, which Emscripten answers without doing anything.
  emscripten.LDSO.loadedLibsByName.__main__.exports.fdatasync = (fd) => sync(python.FS, fd);
  python.FS.mkdir("/device");
  python.FS.mount(fileSystem(emscripten, pool), {}, "/device");
  for (const name of await (await fetch("./parts.json")).json()) {
    const bytes = await (await fetch(`./${name}`)).arrayBuffer();
    if (name.endsWith(".whl")) python.unpackArchive(bytes, "wheel");
    else python.unpackArchive(bytes, "zip", { extractDir: "/code" });
  }
  python.runPython("import sys; sys.path[:0] = ['/code', '/code/inside']; import absent");
  return { python, pool, milliseconds: performance.now() - began };
}

function sync(files, fd) {
  const stream = files.getStream(fd);
  return stream.stream_ops.fsync?.(stream) ?? 0;
}

const started = start();
started.catch((error) => postMessage({ id: 0, error: String(error) }));

onmessage = async ({ data: { id, code } }) => {
  try {
    const { python, pool, milliseconds } = await started;
    const began = performance.now(), flushes = pool.flushes;
    const value = python.runPython(code);
    const taken = performance.now() - began;
    await pool.refill();
    postMessage({ id, value, taken, flushes: pool.flushes - flushes, started: milliseconds });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
