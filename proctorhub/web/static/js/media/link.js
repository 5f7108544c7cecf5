// A connection that is kept up: try, keep, notice its end, try again with growing pauses until told to stop.

import { watchdog } from "./rtc.js";

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5000;

/**
 * `open()` → {pc, end} builds one connection; `onState(state, problem)` hears
 * `connecting`, `live`, `retrying`, `absent` (nobody is sending) and `off`.
 */
export class Link {
  #wanted = false;
  #generation = 0;
  #end = null;
  #wake = null;
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
  }

  async #run(generation) {
    const mine = () => this.#wanted && generation === this.#generation;
    while (mine()) {
      let problem = null;
      this.#set(this.#failures ? "retrying" : "connecting");
      try {
        const { pc, end } = await this.open();
        if (!mine()) {
          end();
          return;
        }
        this.#end = end;
        this.#failures = 0;
        this.#set("live");
        await new Promise((resolve) => {
          const stopWatching = watchdog(pc, { silenceMs: this.silenceMs, onDead: resolve, onStats: this.onStats });
          this.#end = () => {
            stopWatching();
            end();
            resolve();
          };
        });
        this.#drop();
      } catch (error) {
        problem = error;
      }
      if (!mine()) return;
      this.#failures += 1;
      this.#set(problem?.code === "not_publishing" ? "absent" : "retrying", problem);
      await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 1.8 ** (this.#failures - 1)));
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
