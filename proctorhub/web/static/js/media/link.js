// A connection that is kept up: try, keep, notice its silence, try again with growing pauses until told
// to stop. A silent one is kept until the next one stands: after a short cut it may speak again first.

import { watchdog } from "./rtc.js";

// one lost report is no lost connection: the next one comes before a new connection is tried
const FIRST_PAUSE_MS = 900;
const LONGEST_PAUSE_MS = 2000;
const ABSENT_PAUSE_MS = 5000;

/**
 * `open()` → {pc, end} builds one connection; `onState(state, problem)` hears
 * `connecting`, `live`, `retrying`, `absent` (nobody is sending) and `off`.
 */
export class Link {
  #wanted = false;
  #generation = 0;
  #end = null;
  #wake = null;
  #alive = false;
  #fellSilent = null;
  #failures = 0;

  constructor({ open, onState, onStats, silenceMs }) {
    this.open = open;
    this.onState = onState;
    this.onStats = onStats;
    this.silenceMs = silenceMs;
    this.state = "off";
    this.leave = () => this.#drop();
    this.back = () => this.nudge();
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    addEventListener("pagehide", this.leave);
    addEventListener("online", this.back);
    this.#run(++this.#generation);
  }

  stop() {
    this.#wanted = false;
    this.#generation += 1;
    removeEventListener("pagehide", this.leave);
    removeEventListener("online", this.back);
    this.#drop();
    this.#wake?.();
    this.#set("off");
  }

  /** Begin again at once, for example with another track. */
  restart() {
    if (!this.#wanted) return;
    this.#failures = 0;
    this.#drop();
    this.#wake?.();
    this.#run(++this.#generation);
  }

  /** There is news: if it waits, it tries now. */
  nudge() {
    this.#failures = 0;
    this.#wake?.();
  }

  #set(state, problem = null) {
    this.state = state;
    this.onState?.(state, problem);
  }

  #drop() {
    this.#end?.();
    this.#end = null;
    this.#heard(false);
  }

  #heard(alive) {
    this.#alive = alive;
    (alive ? this.#wake : this.#fellSilent)?.();
  }

  async #run(generation) {
    const mine = () => this.#wanted && generation === this.#generation;
    while (mine()) {
      const problem = this.#alive ? null : await this.#connect(mine);
      if (!mine()) return;
      if (this.#alive) {
        this.#failures = 0;
        this.#set("live");
        await new Promise((resolve) => (this.#fellSilent = resolve));
        if (!mine()) return;
      }
      this.#failures += 1;
      const absent = problem?.code === "not_publishing";
      this.#set(absent ? "absent" : "retrying", problem);
      const longest = absent ? ABSENT_PAUSE_MS : LONGEST_PAUSE_MS;
      await this.#pause(Math.min(longest, FIRST_PAUSE_MS * 1.8 ** (this.#failures - 1)));
    }
  }

  /** Try once; returns what went wrong, or null. */
  async #connect(mine) {
    this.#set(this.#failures ? "retrying" : "connecting");
    try {
      const { pc, end } = await this.open();
      if (!mine()) {
        end();
        return null;
      }
      this.#drop();
      const stopWatching = watchdog(pc, {
        silenceMs: this.silenceMs,
        onStats: this.onStats,
        onChange: (alive) => this.#heard(alive),
        onDead: () => this.#drop(),
      });
      this.#end = () => {
        stopWatching();
        end();
      };
      this.#heard(true);
      return null;
    } catch (error) {
      return error;
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
