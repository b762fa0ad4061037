// A file system for Emscripten over the origin private file system of the browser.
//
// Its sync access handles read, write and flush at once, but only an asynchronous call opens one. So a pool of them is
// open from the start, and names move between them: the head of each file says which name it carries, and which head is
// the newer where a crash left two of one name. A name counts when its head is flushed.
const HEAD = 4096, SPARE = 12, NAME_AT = 16;
const ENOENT = 44, ENOTEMPTY = 55, EINVAL = 28, ENOSPC = 51;
const FOLDER_MODE = 0o040777, FILE_MODE = 0o100666;
const encoder = new TextEncoder(), decoder = new TextDecoder();

export class Pool {
  // `flushes`: how often something was made durable.
  constructor(folder) {
    Object.assign(this, { folder, handles: [], free: [], named: new Map(), newest: 0, flushes: 0 });
  }

  static async open(name) {
    const root = await navigator.storage.getDirectory();
    const pool = new Pool(await root.getDirectoryHandle(name, { create: true }));
    const heads = [];
    for await (const file of pool.folder.values()) {
      const handle = await file.createSyncAccessHandle();
      pool.handles.push(handle);
      heads.push({ handle, ...readHead(handle) });
    }
    for (const { handle, name, number } of heads.sort((a, b) => a.number - b.number)) {
      const older = pool.named.get(name);
      if (older) pool.free.push(older);
      if (name) pool.named.set(name, handle); else pool.free.push(handle);
      pool.newest = Math.max(pool.newest, number);
    }
    await pool.refill();
    return pool;
  }

  // Between tasks: so many files may be made in the next one.
  async refill() {
    while (this.free.length < SPARE) {
      const file = await this.folder.getFileHandle(`${this.handles.length}`, { create: true });
      const handle = await file.createSyncAccessHandle();
      this.handles.push(handle);
      this.free.push(handle);
    }
  }

  create(name) {
    const handle = this.free.pop();
    if (!handle) return null;
    handle.truncate(HEAD);
    this.#give(handle, name);
    this.named.set(name, handle);
    return handle;
  }

  drop(name) {
    const handle = this.named.get(name);
    this.named.delete(name);
    this.#release(handle);
  }

  rename(from, to) {
    const handle = this.named.get(from), replaced = this.named.get(to);
    this.#give(handle, to);
    this.named.delete(from);
    this.named.set(to, handle);
    if (replaced) this.#release(replaced);
  }

  flush(handle) {
    this.flushes += 1;
    handle.flush();
  }

  #release(handle) {
    this.#give(handle, "");
    handle.truncate(HEAD);
    this.free.push(handle);
  }

  #give(handle, name) {
    const bytes = encoder.encode(name), head = new Uint8Array(HEAD), view = new DataView(head.buffer);
    view.setUint32(0, bytes.length);
    view.setUint32(4, sumOf(bytes));
    view.setFloat64(8, ++this.newest);
    head.set(bytes, NAME_AT);
    handle.write(head, { at: 0 });
    handle.flush();
  }
}

function readHead(handle) {
  const head = new Uint8Array(HEAD), view = new DataView(head.buffer), nobody = { name: "", number: 0 };
  if (handle.read(head, { at: 0 }) < HEAD || view.getUint32(0) > HEAD - NAME_AT) return nobody;
  const bytes = head.subarray(NAME_AT, NAME_AT + view.getUint32(0));
  return sumOf(bytes) === view.getUint32(4) ? { name: decoder.decode(bytes), number: view.getFloat64(8) } : nobody;
}

const sumOf = (bytes) => bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);

// What Emscripten mounts. A folder is a name that ends with a slash.
export function fileSystem(emscripten, pool) {
  const { FS } = emscripten;
  const fail = (code) => { throw new FS.ErrnoError(code); };
  const pathOf = (node) => (node.parent === node ? "" : `${pathOf(node.parent)}/${node.name}`);
  const sizeOf = (node) => (FS.isDir(node.mode) ? 0 : node.handle.getSize() - HEAD);

  function make(parent, name, mode, handle) {
    const node = FS.createNode(parent, name, mode, 0);
    Object.assign(node, { node_ops, stream_ops, handle, time: Date.now() });
    if (FS.isDir(mode)) node.contents = {};
    if (parent) parent.contents[name] = node;
    return node;
  }

  const node_ops = {
    getattr(node) {
      const time = new Date(node.time), size = sizeOf(node);
      const times = { atime: time, mtime: time, ctime: time };
      return { dev: 1, ino: node.id, mode: node.mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size, ...times, blksize: 4096, blocks: Math.ceil(size / 4096) };
    },
    setattr(node, { mode, size }) {
      if (mode != null) node.mode = (node.mode & 0o170000) | (mode & 0o7777);
      if (size != null) node.handle.truncate(HEAD + size);
    },
    lookup(parent, name) { return parent.contents[name] ?? fail(ENOENT); },
    mknod(parent, name, mode) {
      const handle = pool.create(`${pathOf(parent)}/${name}${FS.isDir(mode) ? "/" : ""}`) ?? fail(ENOSPC);
      return make(parent, name, mode, handle);
    },
    rename(node, folder, name) {
      if (FS.isDir(node.mode)) fail(EINVAL);
      pool.rename(pathOf(node), `${pathOf(folder)}/${name}`);
      delete node.parent.contents[node.name];
      folder.contents[name] = node;
      Object.assign(node, { name, parent: folder });
    },
    unlink(parent, name) {
      pool.drop(pathOf(parent.contents[name]));
      delete parent.contents[name];
    },
    rmdir(parent, name) {
      if (Object.keys(parent.contents[name].contents).length) fail(ENOTEMPTY);
      pool.drop(`${pathOf(parent.contents[name])}/`);
      delete parent.contents[name];
    },
    readdir(node) { return [".", "..", ...Object.keys(node.contents)]; },
  };

  const stream_ops = {
    open() {},
    close() {},
    read({ node }, buffer, offset, length, position) {
      return node.handle.read(buffer.subarray(offset, offset + length), { at: HEAD + position });
    },
    write({ node }, buffer, offset, length, position) {
      node.time = Date.now();
      return node.handle.write(buffer.subarray(offset, offset + length), { at: HEAD + position });
    },
    llseek(stream, offset, whence) {
      const from = [0, stream.position, sizeOf(stream.node)][whence];
      return from + offset < 0 ? fail(EINVAL) : from + offset;
    },
    fsync({ node }) {
      if (!FS.isDir(node.mode)) pool.flush(node.handle);
      return 0;
    },
    // SQLite's shared memory beside its log: one process, one mapping; what is in it is made anew after a crash.
    mmap({ node }, length, position) {
      const ptr = emscripten._emscripten_builtin_memalign(65536, length), bytes = new Uint8Array(length);
      node.handle.read(bytes, { at: HEAD + position });
      emscripten.HEAPU8.set(bytes, ptr);
      return { ptr, allocated: true };
    },
    msync() { return 0; },
  };

  function mount() {
    const root = make(null, "/", FOLDER_MODE, null);
    for (const path of [...pool.named.keys()].sort()) {
      const parts = path.split("/").filter(Boolean), last = parts.pop();
      const parent = parts.reduce((at, part) => at.contents[part], root);
      make(parent, last, path.endsWith("/") ? FOLDER_MODE : FILE_MODE, pool.named.get(path));
    }
    return root;
  }
  return { mount };
}
