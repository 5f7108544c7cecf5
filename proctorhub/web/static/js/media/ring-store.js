// Where the ring keeps its chunks: IndexedDB on this computer, a database for each session, sealed with
// a key that no script can read and that goes with them. What a page has open nobody else removes.

import { claim, unclaimed } from "../lib/claim.js";

const PREFIX = "proctorhub-ring:";
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
    // a connection that is cut aborts without an error of its own
    transaction.onabort = () => reject(transaction.error ?? new DOMException("The database was closed.", "AbortError"));
  });

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

const nameOf = (sessionId) => PREFIX + sessionId;
const lockOf = (sessionId) => `ring:${sessionId}`;

async function kept() {
  const names = (await indexedDB.databases()).map(({ name }) => name);
  return names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
}

/** Whether something of this session is kept. */
export const holds = async (sessionId) => (await kept()).includes(sessionId);

/** Remove what is kept of these sessions, but for those that a page has open. */
export async function forget(chosen = () => true) {
  // without locks there is no camera either, and nothing kept
  if (!navigator.locks) return;
  const remove = (id) => unclaimed(lockOf(id), () => done(indexedDB.deleteDatabase(nameOf(id))));
  try {
    await Promise.all((await kept()).filter(chosen).map(remove));
  } catch (error) {
    console.warn("What this computer kept of a recording could not be removed:", error);
  }
}

async function opened(sessionId) {
  const request = indexedDB.open(nameOf(sessionId), 1);
  request.onupgradeneeded = () => {
    const database = request.result;
    database.createObjectStore("session", { keyPath: "id" });
    const chunks = database.createObjectStore("chunks", { keyPath: "id", autoIncrement: true });
    chunks.createIndex("endedAt", "endedAt");
    chunks.createIndex("source", ["source", "endedAt"]);
  };
  const database = await done(request);
  // somebody wipes: do not stand in the way
  database.onversionchange = () => database.close();
  const [session] = await done(database.transaction("session").objectStore("session").getAll());
  if (session) return { database, key: session.key };
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  await done(database.transaction("session", "readwrite").objectStore("session").add({ id: sessionId, key }));
  return { database, key };
}

export class RingStore {
  #sessionId;
  #giveBack;
  #opened;
  #wiped = false;

  constructor(sessionId, giveBack) {
    this.#sessionId = sessionId;
    this.#giveBack = giveBack;
    this.#opened = opened(sessionId);
  }

  static async open(sessionId) {
    const giveBack = await claim(lockOf(sessionId));
    const store = new RingStore(sessionId, giveBack);
    try {
      await store.#opened;
    } catch (error) {
      await giveBack();
      throw error;
    }
    return store;
  }

  /** Do this with the open database; once more where the browser closed it, as when somebody clears what sites keep. */
  async #using(work) {
    const used = this.#opened;
    try {
      return await work(await used);
    } catch (error) {
      if (error?.name !== "InvalidStateError" || this.#wiped) throw error;
      if (this.#opened === used) this.#opened = opened(this.#sessionId);
      return work(await this.#opened);
    }
  }

  #cipher(iv, { source, startedAt, endedAt }) {
    const bound = [this.#sessionId, source, startedAt, endedAt].join(" ");
    return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(bound) };
  }

  /** Keep one chunk and let go of those that are too old. Without room the oldest make way. */
  add(chunk) {
    return this.#using((open) => this.#add(open, chunk));
  }

  async #add({ database, key }, { source, startedAt, endedAt, data }) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const sha256 = hex(await crypto.subtle.digest("SHA-256", data));
    const sealed = await crypto.subtle.encrypt(this.#cipher(iv, { source, startedAt, endedAt }), key, data);
    const chunk = { source, startedAt, endedAt, sha256, iv, sealed };
    try {
      await this.#put(database, chunk);
    } catch (error) {
      if (error?.name !== "QuotaExceededError") throw error;
      await this.#free(database);
      await this.#put(database, chunk);
    }
  }

  async #put(database, chunk) {
    const transaction = database.transaction("chunks", "readwrite");
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

  async #free(database) {
    const transaction = database.transaction("chunks", "readwrite");
    const chunks = transaction.objectStore("chunks");
    const keys = await done(chunks.getAllKeys());
    for (const key of keys.slice(0, Math.ceil(keys.length / SHARE_TO_FREE))) chunks.delete(key);
    await finished(transaction);
  }

  /** What there is of a source between two times, oldest first: ids, times and hashes, no media. */
  between(source, from, to) {
    return this.#using(({ database }) => this.#between(database, source, from, to));
  }

  async #between(database, source, from, to) {
    const range = IDBKeyRange.bound([source, from], [source, Infinity], true);
    const request = database.transaction("chunks").objectStore("chunks").index("source").openCursor(range);
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
  read(id) {
    return this.#using(async ({ database, key }) => {
      const chunk = await done(database.transaction("chunks").objectStore("chunks").get(id));
      return chunk ? crypto.subtle.decrypt(this.#cipher(chunk.iv, chunk), key, chunk.sealed) : null;
    });
  }

  async wipe() {
    this.#wiped = true;
    // what could not be opened again needs no closing
    await this.#opened.then(({ database }) => database.close(), () => {});
    await this.#giveBack();
    await forget((id) => id === this.#sessionId);
  }
}
