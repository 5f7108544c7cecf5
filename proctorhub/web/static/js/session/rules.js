// The rules of an exam as lists, and what software looks for.

import { h, icon, show } from "../lib/dom.js";
import { detectorWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";

function list(title, sign, tone, entries) {
  if (!entries?.length) return null;
  return h("div", { class: tone }, h("h2", {}, title), h("ul", { class: "rule-list" }, ...entries.map((text) => h("li", {}, icon(sign), text))));
}

export function showRules(root, rules = {}) {
  const parts = [
    rules.instructions && h("p", { class: "prose" }, rules.instructions),
    list(t("Allowed"), "check", "rules-allowed", rules.allowed),
    list(t("Not allowed"), "ban", "rules-forbidden", rules.forbidden),
  ].filter(Boolean);
  root.replaceChildren(...(parts.length ? parts : [h("p", { class: "soft mb-0" }, t("This exam has no rules of its own."))]));
}

/** What software looks for in this exam, for this candidate: nothing is observed in secret. */
export function showObserved(root, detectors) {
  root.replaceChildren(h("h2", {}, t("Software looks for")), h("p", { class: "mb-0" }, detectors.map(detectorWord).join(", ")));
  show(root, detectors.length > 0);
}
