// Where the ring keeps its chunks: IndexedDB on this computer, sealed with a key that no script can
// read and that goes with them. One session at a time; another one's leftovers are removed first.

const NAME = "proctorhub-ring";
const KEEP_MS = 10 * 60_000;
const SHARE_TO_FREE = 4;
const IV_BYTES = 12;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Remove everything, whichever session it was of. */
export const forget = () => done(indexedDB.deleteDatabase(NAME)).catch(() => {});

/** Whether something of this session is kept. */
export async function holds(sessionId) {
  if (!(await indexedDB.databases()).some(({ name }) => name === NAME)) return false;
  const database = await opened();
  const kept = await done(database.transaction("session").objectStore("session").getKey(sessionId));
  database.close();
  return kept !== undefined;
}

function opened() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const database = request.result;
    database.createObjectStore("session", { keyPath: "id" });
    const chunks = database.createObjectStore("chunks", { keyPath: "id", autoIncrement: true });
    chunks.createIndex("endedAt", "endedAt");
    chunks.createIndex("source", ["source", "endedAt"]);
  };
  return done(request).then((database) => {
    // somebody wipes: do not stand in the way
    database.onversionchange = () => database.close();
    return database;
  });
}

export class RingStore {
  #database;
  #key;
  #sessionId;

  constructor(database, key, sessionId) {
    this.#database = database;
    this.#key = key;
    this.#sessionId = sessionId;
  }

  static async open(sessionId) {
    let database = await opened();
    let kept = await done(database.transaction("session").objectStore("session").getAll());
    if (kept.some((session) => session.id !== sessionId)) {
      database.close();
      await forget();
      database = await opened();
      kept = [];
    }
    if (!kept.length) {
      const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
      kept = [{ id: sessionId, key }];
      await done(database.transaction("session", "readwrite").objectStore("session").add(kept[0]));
    }
    return new RingStore(database, kept[0].key, sessionId);
  }

  #cipher(iv, { source, startedAt, endedAt }) {
    const bound = [this.#sessionId, source, startedAt, endedAt].join(" ");
    return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(bound) };
  }

  /** Keep one chunk and let go of those that are too old. Without room the oldest make way. */
  async add({ source, startedAt, endedAt, data }) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const sha256 = hex(await crypto.subtle.digest("SHA-256", data));
    const sealed = await crypto.subtle.encrypt(this.#cipher(iv, { source, startedAt, endedAt }), this.#key, data);
    const chunk = { source, startedAt, endedAt, sha256, iv, sealed };
    try {
      await this.#put(chunk);
    } catch (error) {
      if (error?.name !== "QuotaExceededError") throw error;
      await this.#free();
      await this.#put(chunk);
    }
  }

  async #put(chunk) {
    const transaction = this.#database.transaction("chunks", "readwrite");
    const chunks = transaction.objectStore("chunks");
    const old = IDBKeyRange.upperBound(chunk.endedAt - KEEP_MS);
    chunks.index("endedAt").openKeyCursor(old).onsuccess = ({ target: { result: cursor } }) => {
      if (!cursor) return;
      chunks.delete(cursor.primaryKey);
      cursor.continue();
    };
    chunks.add(chunk);
    await finished(transaction);
  }

  async #free() {
    const transaction = this.#database.transaction("chunks", "readwrite");
    const chunks = transaction.objectStore("chunks");
    const keys = await done(chunks.getAllKeys());
    for (const key of keys.slice(0, Math.ceil(keys.length / SHARE_TO_FREE))) chunks.delete(key);
    await finished(transaction);
  }

  /** What there is of a source between two times, oldest first: ids, times and hashes, no media. */
  async between(source, from, to) {
    const range = IDBKeyRange.bound([source, from], [source, Infinity], true);
    const request = this.#database.transaction("chunks").objectStore("chunks").index("source").openCursor(range);
    const found = [];
    await new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return resolve();
        const { id, startedAt, endedAt, sha256 } = cursor.value;
        if (startedAt < to) found.push({ id, source, startedAt, endedAt, sha256 });
        return cursor.continue();
      };
    });
    return found;
  }

  /** The media of one chunk, or null when it is gone by now. */
  async read(id) {
    const chunk = await done(this.#database.transaction("chunks").objectStore("chunks").get(id));
    return chunk ? crypto.subtle.decrypt(this.#cipher(chunk.iv, chunk), this.#key, chunk.sealed) : null;
  }

  async wipe() {
    this.#database.close();
    await forget();
  }
}
