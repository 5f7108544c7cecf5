// What the candidate's page notices of itself, sent at once; while offline it is kept with its time. Which of
// it is wanted follows from the exam's rules; nothing else is looked at. The page says that it is there, too.

import { get, post } from "../lib/api.js";
import * as clock from "../lib/clock.js";
import { SENSORS } from "./sensors.js";

const HERE = ["checked_in", "waiting", "identifying", "admitted", "running", "paused"];
const ALIVE_MS = 2000;
const AGAIN_MS = 2000;
const MOST = 100;
const LATER = new Set([0, 429, 502, 503, 504]);

export class Signals {
  #session;
  #now = null;
  #state = null;
  #wanted = new Set();
  #stops = new Map();
  #told = new Map();
  #queue = [];
  #sending = false;
  #socket = null;
  #kept;

  /** `onObserved(detectors)` hears what software looks for, for the candidate to read. */
  constructor(sessionId, { onObserved } = {}) {
    this.#session = sessionId;
    this.onObserved = onObserved;
    this.#kept = `signals-${sessionId}`;
    this.#queue = JSON.parse(sessionStorage.getItem(this.#kept) ?? "[]");
    setInterval(() => this.#alive(), ALIVE_MS);
    addEventListener("online", () => this.#send());
  }

  /** Hear of the live connection: coming back is news, too. */
  link(socket) {
    this.#socket = socket;
    let before = false;
    socket.on("connect", () => {
      if (before) this.tell("reconnected");
      before = true;
      this.#send();
    });
  }

  /** Follow the session: what is wanted may change with its state. */
  async follow({ state, exam }) {
    this.#now = exam.tier === "none" ? null : state;
    if (state === this.#state) return;
    this.#state = state;
    if (!HERE.includes(state) || exam.tier === "none") return this.#want([]);
    await this.#ask(state);
    return this.#send();
  }

  /** Ask what is wanted in this state until there is an answer. */
  async #ask(state) {
    if (this.#state !== state) return;
    try {
      const answer = await get(`/sessions/${this.#session}/signals`);
      if (this.#state === state) this.#heard(answer);
    } catch (error) {
      if (LATER.has(error.status) || error.status >= 500) setTimeout(() => this.#ask(state), AGAIN_MS);
    }
  }

  #heard({ wanted, observed }) {
    this.#want(wanted);
    this.onObserved?.(observed);
  }

  #alive() {
    // a sign of life is of its moment: kept while offline, the whole heap would come before all else afterwards
    if (!HERE.includes(this.#now) || !this.#socket?.connected) return;
    // the exam in a tab of its own leaves nothing to be told of this one's being in front
    this.#socket.volatile.emit("page_alive", { session_id: this.#session, elsewhere: this.elsewhere });
  }

  get elsewhere() {
    return sessionStorage.getItem(`${this.#kept}-elsewhere`) === "yes";
  }
  set elsewhere(yes) {
    sessionStorage.setItem(`${this.#kept}-elsewhere`, yes ? "yes" : "no");
    if (yes) for (const sensor of SENSORS) if (sensor.here) this.tell(sensor.kind, { on: false });
  }

  #want(wanted) {
    this.#wanted = new Set(wanted);
    for (const sensor of SENSORS) {
      const { kind } = sensor;
      if (this.#wanted.has(kind) === this.#stops.has(kind)) continue;
      if (this.#stops.has(kind)) {
        this.#stops.get(kind)();
        this.#stops.delete(kind);
        this.#told.delete(kind);
      } else {
        this.#stops.set(kind, sensor.start((news) => (sensor.here && this.elsewhere) || this.tell(kind, news)));
      }
    }
  }

  /** `on` only when it changed; without it something just happened. */
  tell(kind, { on, label } = {}) {
    if (!this.#wanted.has(kind)) return;
    const now = `${on}${label ?? ""}`;
    if (on !== undefined) {
      if (this.#told.get(kind) === now || (!on && !label && !this.#told.has(kind))) return;
      this.#told.set(kind, now);
    }
    const at = new Date(clock.now()).toISOString();
    this.#queue.push({ kind, at, ...(on === undefined ? {} : { on }), ...(label ? { label } : {}) });
    this.#keep();
    this.#send();
  }

  #keep() {
    sessionStorage.setItem(this.#kept, JSON.stringify(this.#queue));
  }

  async #send() {
    if (this.#sending || !this.#queue.length) return;
    this.#sending = true;
    while (this.#queue.length) {
      const batch = this.#queue.slice(0, MOST);
      try {
        this.#heard(await post(`/sessions/${this.#session}/signals`, { signals: batch }));
      } catch (error) {
        if (LATER.has(error.status)) {
          setTimeout(() => this.#send(), AGAIN_MS);
          break;
        }
        // refused for good: the session is over, or the page is older than the server
      }
      this.#queue = this.#queue.slice(batch.length);
      this.#keep();
    }
    this.#sending = false;
  }
}
