// Stills of many cameras: each every few seconds, spread evenly so that neither the line nor the node
// sees bursts. One call gets the tickets of all.

import { items, post } from "../lib/api.js";
import { now } from "../lib/clock.js";

const EVERY_MS = 3600;
const WIDTH = 256;
const PATIENCE_MS = 5000;
const TICKETS_EVERY_MS = 2000;
const EXPIRES_SOON_MS = 15_000;

export class StillRounds {
  #rounds = new Map();
  #tickets = new Map();
  #asking = null;
  #askedAt = -Infinity;

  /** `onStill(id, {blob, at, segment})` with each picture; `onMissing(id)` when there is none now. */
  constructor({ onStill, onMissing }) {
    this.onStill = onStill;
    this.onMissing = onMissing;
    document.addEventListener("visibilitychange", () => document.hidden || this.#spread());
  }

  /** Go on with exactly these sessions. */
  follow(ids) {
    const before = [...this.#rounds.keys()];
    if (before.length === ids.length && ids.every((id) => this.#rounds.has(id))) return;
    for (const id of before.filter((known) => !ids.includes(known))) {
      clearTimeout(this.#rounds.get(id).timer);
      this.#rounds.delete(id);
      this.#tickets.delete(id);
    }
    for (const id of ids) if (!this.#rounds.has(id)) this.#rounds.set(id, { timer: 0, busy: false });
    this.#spread();
  }

  #spread() {
    [...this.#rounds.keys()].forEach((id, index) => this.#plan(id, (index * EVERY_MS) / this.#rounds.size));
  }

  #plan(id, ms) {
    const round = this.#rounds.get(id);
    clearTimeout(round.timer);
    round.timer = setTimeout(() => this.#look(id), ms);
  }

  async #look(id) {
    const round = this.#rounds.get(id);
    this.#plan(id, EVERY_MS);
    if (round.busy || document.hidden) return;
    round.busy = true;
    const still = await this.#fetch(id).catch(() => null);
    round.busy = false;
    if (this.#rounds.get(id) !== round) return;
    if (still) this.onStill(id, still);
    else this.onMissing(id);
  }

  async #fetch(id) {
    const issued = await this.#ticket(id);
    if (!issued) return null;
    const headers = { Authorization: `Bearer ${issued.ticket}` };
    // where the node cannot be reached the session may have moved to another
    const response = await fetch(`${issued.url}?width=${WIDTH}`, { headers, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
    if (!response || [401, 403].includes(response.status)) this.#tickets.delete(id);
    if (!response?.ok) return null;
    const { headers: told } = response;
    return { blob: await response.blob(), at: Date.parse(told.get("X-Frame-Time")), segment: told.get("X-Segment") };
  }

  async #ticket(id) {
    const fresh = () => {
      const issued = this.#tickets.get(id);
      return issued && Date.parse(issued.expires_at) - now() > EXPIRES_SOON_MS ? issued : null;
    };
    if (!fresh() && performance.now() - this.#askedAt > TICKETS_EVERY_MS) this.#asking ??= this.#ask();
    if (!fresh()) await this.#asking;
    return fresh();
  }

  async #ask() {
    this.#askedAt = performance.now();
    try {
      for (const issued of items(await post("/tickets/stills", { session_ids: [...this.#rounds.keys()] }))) {
        this.#tickets.set(issued.session_id, issued);
      }
    } finally {
      this.#asking = null;
    }
  }
}
