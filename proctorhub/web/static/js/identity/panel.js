// The newest identity check of a session as staff see it: the outcome at a glance, what it rests on below.

import { get } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { $, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { findings } from "./findings.js";
import { outcomeBadge, outcomeWord } from "./outcome.js";

export class IdentityPanel {
  #known = "";
  #state = null;
  #asked = 0;

  /** `onFound(check)` hears of each new state. */
  constructor({ root, sessionId, onFound = () => {}, onProblem = () => {} }) {
    Object.assign(this, { root, sessionId, onFound, onProblem });
  }

  /** Follow the session; asks again only when it tells of something new. */
  async session({ exam, identity_check: check }) {
    show(this.root, exam.tier !== "none" && (exam.identity.software || Boolean(check)));
    const known = JSON.stringify(check);
    if (this.root.hidden || known === this.#known) return;
    this.#known = known;
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const newest = await get(`/sessions/${this.sessionId}/identity`);
      if (asked === this.#asked) this.#draw(newest);
    } catch (error) {
      this.#known = "";
      this.onProblem(error);
    }
  }

  #draw(check) {
    const { state, attempts_left: left } = check;
    if (this.#state !== null && this.#state !== state) announce(t("Identity check: {outcome}", { outcome: outcomeWord(state) }));
    this.#state = state;
    this.root.dataset.outcome = state;
    $("[data-outcome-badge]", this.root).replaceChildren(outcomeBadge(state));
    setText($("[data-left]", this.root), state === "none" || left === null ? "" : t("Tries left: {count}", { count: left }));
    $("[data-findings]", this.root).replaceChildren(state === "none" ? t("The candidate has not done the check yet. You can identify them without it.") : findings(check));
    this.onFound(check);
  }
}
