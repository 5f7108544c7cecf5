// The entries of one session in order, each once: the first load, what was missed, what arrives live.

import { get, items } from "../lib/api.js";

export class Entries {
  #seen = new Set();
  #last = -1;

  /** `onEntry(entry, {live})` is called once for each entry. */
  constructor(sessionId, onEntry) {
    this.sessionId = sessionId;
    this.onEntry = onEntry;
  }

  async catchUp() {
    for (const entry of items(await get(`/sessions/${this.sessionId}/entries?after=${this.#last}`))) {
      // on the first load nothing is news; later everything missed is
      this.#take(entry, this.#complete);
      this.#last = Math.max(this.#last, entry.seq);
    }
    this.#complete = true;
  }
  #complete = false;

  arrived(entry) {
    if (entry.session_id && entry.session_id !== this.sessionId) return;
    this.#take(entry, true);
    // only an unbroken run moves the mark, so that a missed entry is asked for again
    if (entry.seq === this.#last + 1) this.#last = entry.seq;
  }

  #take(entry, live) {
    if (this.#seen.has(entry.id)) return;
    this.#seen.add(entry.id);
    this.onEntry(entry, { live });
  }
}
