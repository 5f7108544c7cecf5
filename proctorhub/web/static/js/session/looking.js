// Who looks: each detector of a session as live, silent (red) or not checked.

import { get } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { $, h, icon, show } from "../lib/dom.js";
import { detectorWord, lookingWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";

const ORDER = ["silent", "no_source", "not_checked", "calibrating", "live"];
const TONE = { silent: "tone-bad", calibrating: "tone-info", live: "tone-ok" };
const SIGN = { silent: "triangle-alert", calibrating: "hourglass", live: "eye" };
// what looks but judges nothing yet is a group of its own
const group = ({ state, calibrating }) => (calibrating ? "calibrating" : state);
const NEWS = /^(monitoring|source|track|state)\./;
const AGAIN_MS = 10_000;

export class Looking {
  #drawn = "";

  constructor({ root, sessionId }) {
    Object.assign(this, { root, sessionId });
    setInterval(() => document.hidden || this.load().catch(() => {}), AGAIN_MS);
  }

  entry(entry, { live }) {
    if (!live || !NEWS.test(entry.kind)) return;
    this.load().catch(() => {});
    if (entry.kind === "monitoring.silent") announce(t("Nobody looks: {what}", { what: entry.data.detectors.map(detectorWord).join(", ") }));
  }

  async load() {
    const { detectors } = await get(`/sessions/${this.sessionId}/monitoring`);
    const now = JSON.stringify(detectors);
    show(this.root, detectors.length > 0);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const groups = ORDER.map((state) => [state, detectors.filter((one) => group(one) === state)]).filter(([, all]) => all.length);
    $("[data-looking]", this.root).replaceChildren(...groups.map(([state, all]) => this.#group(state, all)));
  }

  #group(state, all) {
    const names = all.map((one) => detectorWord(one.detector)).join(", ");
    return h("li", { data: { state } }, h("details", { open: ["silent", "calibrating"].includes(state) }, h("summary", { class: `badge-state ${TONE[state] ?? ""}` }, icon(SIGN[state] ?? "ban"), `${lookingWord(state)}: ${all.length}`), h("span", { class: "small soft" }, names)));
  }
}
