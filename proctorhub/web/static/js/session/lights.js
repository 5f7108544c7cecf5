// Whether a candidate's camera and screen are on, as two small signs.

import { h, icon } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { sourceWord } from "../lib/words.js";

export const NOW = ["checked_in", "waiting", "identifying", "admitted", "running", "paused"];

function light(source, status) {
  const words = { live: t("live"), silent: t("silent"), closed: t("closed") };
  const sign = { camera: ["video", "video-off"], screen: ["monitor", "monitor-off"] }[source];
  const state = words[status?.state] ?? t("not there");
  const text = t("{source}: {state}", { source: sourceWord(source), state });
  return h(
    "span",
    { class: "light", title: text, data: { state: status?.state ?? "none", source } },
    icon(sign[status?.state === "closed" || !status ? 1 : 0], "icon-lg"),
    h("span", { class: "visually-hidden" }, text),
  );
}

// what is off matters only while it should be on
export const lights = ({ state, sources }) =>
  h("span", { class: "lights" }, ...["camera", "screen"].map((source) => light(source, NOW.includes(state) ? sources?.[source] : null)));
