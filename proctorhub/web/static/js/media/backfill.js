// After an outage: asks the server what is missing and sends just that from the ring. One chunk at a
// time and, until the session ends, no more than half of the time, so that camera and screen come first.

import { get, items, Problem, put } from "../lib/api.js";
import { now } from "../lib/clock.js";

const ASK_EVERY_MS = 30_000;
const ASK_AT_END_MS = 1000;
// a gap is noted at once, but open only when the node has stored what comes behind it
const ASK_AFTER_MS = [0, 6000, 12_000];
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
const SENDING_MS = 60_000;
const TRIES = 8;
// so long a gap may wait for a line that the live pictures leave room on; the ring keeps ten minutes
const SPARE_MS = 120_000;

const iso = (ms) => new Date(ms).toISOString();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Backfill {
  #running = null;
  #again = false;
  #over = false;
  #timer = 0;
  #waitsSince = 0;
  #useless = new Set();
  #settled = false;
  #onState = () => {};
  #hurry;
  #hurried = new Promise((resolve) => (this.#hurry = resolve));

  /**
   * `onAir()` tells whether the live connections stand: as long as they do not, nothing is sent.
   * `tight()` tells whether the line is too narrow for them already.
   */
  constructor({ sessionId, ring, onAir, tight }) {
    this.path = `/sessions/${sessionId}/backfill`;
    this.ring = ring;
    this.onAir = onAir;
    this.tight = tight;
    this.#timer = setInterval(() => this.look(), ASK_EVERY_MS);
  }

  /** The server found something missing. */
  noted() {
    this.#waitsSince ||= performance.now();
    for (const ms of ASK_AFTER_MS) setTimeout(() => this.#over || this.look(), ms);
  }

  /** Something may be missing. Resolves when all that could be sent is sent. */
  look() {
    this.#again = true;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run() {
    while (this.#again && !this.#over) {
      this.#again = false;
      this.#settled = false;
      if (!this.onAir() || this.#spares()) return;
      try {
        const found = await get(this.path);
        for (const { source, next_number, gaps } of items(found)) await this.#fill(source, next_number, gaps);
        this.#settled = found.settled;
        this.#waitsSince = 0;
      } catch (error) {
        // what could not be sent or read now is asked for again by the timer
        if (!(error instanceof Problem || error instanceof DOMException)) throw error;
      }
    }
  }

  /** An upload would take from a narrow line what camera and screen need now. */
  #spares() {
    return this.tight() && performance.now() - this.#waitsSince < SPARE_MS;
  }

  async #fill(source, next, gaps) {
    let number = next;
    const wanted = new Map();
    for (const gap of gaps) {
      const found = await this.ring.between(source, Date.parse(gap.started_at), Date.parse(gap.ended_at));
      for (const chunk of found) {
        const gapsOf = wanted.get(chunk.id)?.gaps ?? "";
        wanted.set(chunk.id, { chunk, gaps: `${gapsOf} ${gap.started_at}/${gap.ended_at}` });
      }
    }
    for (const { chunk, gaps: its } of wanted.values()) {
      if (this.#over) return;
      const forThese = `${chunk.id}${its}`;
      if (this.#useless.has(chunk.id) || this.#useless.has(forThese)) continue;
      this.#onState("sending");
      const began = performance.now();
      if (await this.#send(chunk, number, forThese)) number += 1;
      await Promise.race([pause(performance.now() - began), this.#hurried]);
    }
  }

  /** Whether the server took the chunk; throws when there is no use in going on for now. */
  async #send(chunk, number, forThese) {
    const media = await this.ring.read(chunk.id);
    if (!media) return false;
    const query = new URLSearchParams({
      started_at: iso(chunk.startedAt),
      ended_at: iso(chunk.endedAt),
      sha256: chunk.sha256,
    });
    const body = new Blob([media], { type: "video/webm" });
    for (let failures = 0; ; failures += 1) {
      try {
        await put(`${this.path}/${chunk.source}/${number}?${query}`, body, { priority: "low", signal: AbortSignal.timeout(SENDING_MS) });
        return true;
      } catch (error) {
        const transient = error.status === 0 || error.status === 429 || error.status >= 500;
        if (!transient) {
          if (["wrong_number", "number_taken", "state_not_allowed"].includes(error.code)) throw error;
          // a gap that is noted later may be another matter
          this.#useless.add(error.code === "no_gap" ? forThese : chunk.id);
          return false;
        }
        if (this.#over || failures + 1 >= TRIES) throw error;
        await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures));
      }
    }
  }

  /**
   * The end: nothing else needs the line now. Sends what is missing until the server has settled what that is,
   * at the latest `until` (server's clock); returns whether all that could be sent is. `onState` hears
   * `checking` and `sending`.
   */
  async close(until, onState) {
    clearInterval(this.#timer);
    this.tight = () => false;
    this.#onState = onState;
    this.#hurry();
    const left = () => until - now();
    const late = pause(left());
    do {
      onState("checking");
      await Promise.race([this.look().catch(reportError), late]);
      if (this.#settled) break;
      await pause(Math.min(ASK_AT_END_MS, left()));
    } while (left() > 0);
    this.#over = true;
    return this.#settled;
  }
}
