// The candidate's clock: the time left in the bar and in the title, and a quiet word now and then.

import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";

const REMIND_AT = [600, 300, 60];
const LOW_S = 300;

export class SitClock {
  #session = null;
  #unread = 0;
  #reminded = new Set();

  constructor() {
    setInterval(() => this.#tick(), 500);
  }

  session(session) {
    this.#session = session;
    this.#tick();
  }

  /** So many lines of chat wait to be read. */
  unread(count) {
    this.#unread = count;
    this.#title();
  }

  get #running() {
    return ["running", "paused"].includes(this.#session?.state);
  }

  #title() {
    const left = clock.secondsLeft(this.#session);
    const parts = [this.#unread ? `(${this.#unread})` : "", this.#session?.exam?.title ?? t("Exam")];
    if (this.#running && left !== null) parts.push(clock.duration(left));
    document.title = parts.filter(Boolean).join(" ");
  }

  #tick() {
    if (!this.#session) return;
    show($("#clock"), this.#running);
    if (!this.#running) return;
    const left = clock.secondsLeft(this.#session);
    setText($("#clock-text"), clock.duration(left));
    $("#clock").dataset.low = String(left < LOW_S);
    this.#title();
    for (const mark of REMIND_AT) {
      if (left <= mark && left > mark - 5 && !this.#reminded.has(mark)) {
        this.#reminded.add(mark);
        announce(t("{minutes} minutes left", { minutes: Math.round(mark / 60) }));
      }
    }
    if (left <= 0) setText($("#running-text"), t("The time is over. The exam is being closed."));
  }
}
