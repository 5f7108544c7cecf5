// The flags of one session: undecided ones first, the reason of the chosen one, a decision by key or button.

import { get, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, $$, around, busy, h, icon, say, setText, show } from "../lib/dom.js";
import { decisionBadge, detectorWord, severityBadge } from "../lib/flag-words.js";
import { HELD } from "../lib/shortcuts.js";
import { t } from "../lib/t.js";
import { tooSoon } from "../lib/too-soon.js";
import { goesOn, lasted, pictures, times, why } from "./why.js";

/** News that come as a toast: the low ones stay in the list. */
export const WANTS_A_LOOK = ({ kind, data }) => ["incident.opened", "incident.grown"].includes(kind) && data.severity !== "low";
const NEWS = ["incident.opened", "incident.grown", "incident.closed", "incident.decided", "monitoring.changed", "state.concluded"];

export class Flags {
  #items = [];
  #chosen = null;
  #mayDecide = false;
  #asked = 0;
  #drawn = "";
  #detailed = "";
  #form = null;
  #subject = "";
  #since = 0;

  /** `onChosen(incident)` hears which one somebody looks at; `onItems(items)` every change of the list. */
  constructor({ root, sessionId, onChosen, onItems }) {
    Object.assign(this, { root, sessionId, onChosen, onItems });
    this.list = $("[data-flags]", root);
    this.detail = $("[data-detail]", root);
    this.problem = $("[data-problem]", root);
    $("[data-decided]", root)?.addEventListener("change", () => this.#draw());
    setInterval(() => this.#lengths(), 1000);
  }

  get items() {
    return this.#items;
  }

  /** Entries of the log tell that something changed; the list itself is asked for. */
  entry(entry) {
    if (NEWS.includes(entry.kind)) this.load();
  }

  async load() {
    const asked = (this.#asked += 1);
    const found = await get(`/sessions/${this.sessionId}/incidents`);
    if (asked === this.#asked) this.show(found);
  }

  show({ items, suspicion, may_decide: mayDecide }) {
    this.#items = items;
    this.#mayDecide = mayDecide;
    this.#score(suspicion);
    this.#draw();
    this.onItems?.(items);
  }

  #score(suspicion) {
    const box = $("[data-score]", this.root);
    if (!box || !suspicion) return;
    const parts = suspicion.parts.map(({ detector, count, weight, points }) => t("{what}: {count} × weight {weight} by severity = {points}", { what: detectorWord(detector), count, weight, points }));
    setText(box, t("Suspicion {score}", { score: suspicion.score }));
    box.title = [...parts, t("A number to sort by; it decides nothing.")].join("\n");
    show(box, suspicion.score > 0);
  }

  /** Undecided first, in the order they came; decided ones when they are asked for. */
  get shown() {
    const all = $("[data-decided]", this.root)?.checked;
    // what somebody else decides stays under the eyes of whoever has it open
    const here = this.#items.filter((one) => !one.decision || (!all && one.id === this.#chosen));
    return [...here, ...(all ? this.#items.filter((one) => one.decision) : [])];
  }

  #draw() {
    const { shown } = this;
    const open = this.#items.filter((one) => !one.decision).length;
    this.root.dataset.open = String(open);
    setText($("[data-count]", this.root), open ? String(open) : "");
    show($("[data-none]", this.root), !shown.length);
    show(this.list, shown.length > 0);
    if (this.#chosen && !this.#items.some((one) => one.id === this.#chosen)) this.#chosen = null;
    const now = JSON.stringify([shown.map((one) => [one.id, one.severity, one.ended_at, one.decision, one.explanation.counted]), this.#chosen, this.#mayDecide]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = document.activeElement?.closest("[data-flags] > li[data-id]")?.dataset.id;
    const rows = shown.map((one) => this.#row(one));
    const chosen = shown.findIndex((one) => one.id === this.#chosen) + 1;
    if (chosen) around(this.list, this.detail, rows.slice(0, chosen), rows.slice(chosen));
    else this.list.replaceChildren(...rows);
    if (focused) $(`[data-id="${focused}"] button`, this.list)?.focus({ preventScroll: true });
    this.#lengths();
    this.#detail();
  }

  #row(one) {
    const button = h("button", { type: "button", class: "flag-row", data: { testid: "flag" } }, severityBadge(one.severity), " ", h("strong", {}, detectorWord(one.detector)), " ", h("span", { class: "soft num" }, clock.second(one.started_at)), " ", h("span", { class: "soft num", data: { length: "" } }), " ", one.decision ? decisionBadge(one.decision.value) : "");
    button.setAttribute("aria-expanded", String(one.id === this.#chosen));
    button.addEventListener("click", () => this.choose(one.id === this.#chosen ? null : one.id));
    return h("li", { data: { id: one.id, severity: one.severity, detector: one.detector, decided: one.decision?.value ?? "", open: String(goesOn(one)) } }, button);
  }

  #lengths() {
    for (const row of $$("li", this.list)) {
      const one = this.#items.find(({ id }) => id === row.dataset.id);
      const place = $("[data-length]", row);
      if (!one || !place) continue;
      setText(place, this.#length(one));
    }
  }

  #length(one) {
    if (times(one) !== null) return times(one) > 1 ? `×${times(one)}` : "";
    if (goesOn(one)) return t("for {time}", { time: clock.duration(lasted(one)) });
    return t("{seconds} s", { seconds: lasted(one).toFixed(1) });
  }

  choose(id) {
    this.#chosen = id;
    this.#draw();
    const one = this.#items.find((item) => item.id === id);
    if (one) this.onChosen?.(one);
  }

  /** The next (+1) or previous (−1) flag. */
  step(by) {
    const { shown } = this;
    if (!shown.length) return;
    const at = shown.findIndex((one) => one.id === this.#chosen);
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + by))];
    this.choose(next.id);
    const row = $(`[data-id="${next.id}"] button`, this.list);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  #detail() {
    const one = this.#items.find((item) => item.id === this.#chosen);
    show(this.detail, Boolean(one));
    const now = JSON.stringify([one, this.#mayDecide]);
    if (now === this.#detailed) return;
    this.#detailed = now;
    if (!one) return this.detail.replaceChildren();
    const { decision } = one;
    const subject = `${one.id} ${decision?.value}`;
    if (subject !== this.#subject) this.#since = performance.now();
    this.#subject = subject;
    const said = decision ? h("p", { class: "mb-0" }, decisionBadge(decision.value), " ", [decision.by, clock.second(decision.at)].filter(Boolean).join(", "), decision.comment ? ` – ${decision.comment}` : "") : "";
    const key = `${one.id} ${this.#mayDecide}`;
    // a remark that somebody is writing survives whatever becomes of its flag meanwhile
    if (this.#form?.dataset.of !== key || !this.#form.isConnected) this.#form = this.#buttons(key);
    around(this.detail, this.#form, [said], [h("div", { class: "flag-reason" }, h("div", { class: "flag-stills" }, ...pictures(one)), why(one))]);
    return undefined;
  }

  #buttons(of) {
    const comment = h("input", { class: "form-control form-control-sm", maxlength: "2000", placeholder: t("Remark, if any"), "aria-label": t("Remark, if any"), data: { testid: "flag-comment" } });
    const button = (decision, look, sign, text, key) => h("button", { type: "button", class: `btn btn-sm ${look}`, "aria-keyshortcuts": key, data: { testid: `flag-${decision}` }, onclick: (event) => tooSoon(event, this.#since) || this.decide(decision) }, icon(sign), text);
    const parts = this.#mayDecide ? [comment, button("confirmed", "btn-bad", "flag", t("Confirm"), "y"), button("dismissed", "btn-quiet", "check", t("Dismiss"), "x")] : [];
    return h("div", { class: "flag-decide", data: { of } }, ...parts);
  }

  /** Decide the chosen flag, then go on to the next undecided one. */
  async decide(decision) {
    const one = this.#items.find((item) => item.id === this.#chosen);
    if (!one || !this.#mayDecide || one.decision?.value === decision) return;
    const comment = $("[data-testid=flag-comment]", this.#form).value;
    await busy(this.#form, () => this.#send(one, decision, comment));
  }

  async #send(one, decision, comment) {
    const what = detectorWord(one.detector);
    try {
      say(this.problem, "");
      const { shown } = this;
      const next = shown.slice(shown.indexOf(one) + 1).find((item) => !item.decision);
      const was = one.decision?.value ?? null;
      const done = await post(`/sessions/${this.sessionId}/incidents/${one.id}/decision`, { decision, comment, was });
      announce(t("{what}: {decision}", { what, decision: decision === "confirmed" ? t("Confirmed") : t("Dismissed") }));
      this.#items = this.#items.map((item) => (item.id === done.id ? done : item));
      // unless somebody has gone elsewhere meanwhile
      const moves = this.#chosen === one.id;
      if (moves) this.#chosen = next?.id ?? null;
      this.#draw();
      if (moves && next) this.onChosen?.(next);
      this.onItems?.(this.#items);
    } catch (error) {
      const told = (text) => say(this.problem, t("{name}: {text}", { name: what, text }));
      told(error.message);
      this.problem.scrollIntoView({ block: "nearest" });
      // somebody may have been faster; where nobody answered there is nothing newer to see
      if (error.status) this.load().catch((later) => told(`${error.message} ${later.message}`));
    }
  }
}

/** The keys of a page that shows flags. */
export const flagKeys = (flags) => [
  ["j", t("Next flag"), () => flags.step(1), HELD],
  ["k", t("Previous flag"), () => flags.step(-1), HELD],
  ["y", t("Confirm the flag"), () => flags.decide("confirmed")],
  ["x", t("Dismiss the flag"), () => flags.decide("dismissed")],
];
