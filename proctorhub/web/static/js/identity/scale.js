// A distance between two faces against its thresholds, on a small scale: same, please look, different.

import { h } from "../lib/dom.js";
import { t } from "../lib/t.js";

const ROOM = 1.6;
const two = (value) => value.toFixed(2);

function part(kind, share) {
  const element = h("i", { data: { kind } });
  element.style.width = `${share * 100}%`;
  return element;
}

/** `accept` and `reject` bound what software may say alone; between them a person decides. */
export function scale(distance, { accept, reject }) {
  const end = Math.max(reject * ROOM, distance);
  const mark = h("b", {});
  mark.style.left = `${Math.min(1, distance / end) * 100}%`;
  const sentence = t("Distance {distance}: up to {accept} is the same person, above {reject} another one.", { distance: two(distance), accept: two(accept), reject: two(reject) });
  const bar = h("div", { class: "scale-bar", "aria-hidden": "true" }, part("same", accept / end), part("unsure", (reject - accept) / end), part("different", (end - reject) / end), mark);
  return h("div", { class: "scale" }, bar, h("p", { class: "small soft mb-0" }, sentence));
}
