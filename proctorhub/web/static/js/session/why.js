// Why a flag was raised: the picture with what was found in it, values against thresholds, rules and models.

import * as clock from "../lib/clock.js";
import { h } from "../lib/dom.js";
import { clearedWords, valueText, valueWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";

const SVG = "http://www.w3.org/2000/svg";
const SHORT = 12;

const sense = { above: "≥", below: "<", beyond: "±" };

function boxes(look) {
  const svg = document.createElementNS(SVG, "svg");
  const [width, height] = look.size;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  for (const [x1, y1, x2, y2] of look.boxes) {
    const rect = document.createElementNS(SVG, "rect");
    const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
    for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
    svg.append(rect);
  }
  return svg;
}

/** The pictures kept of an incident, each with the boxes that were found in it. */
export function pictures({ explanation, stills }) {
  return stills.map((still) => {
    const look = explanation.looks.find((one) => one.frame_sha256 === still.frame_sha256);
    const at = look ? clock.second(look.at_ms) : "";
    const image = h("img", { src: still.url, alt: t("Flagged picture, {at}", { at }), loading: "lazy" });
    if (look?.size) Object.assign(image, { width: look.size[0], height: look.size[1] });
    return h("figure", { class: "flag-still" }, h("div", {}, image, look?.size ? boxes(look) : ""), h("figcaption", { class: "num" }, at));
  });
}

/** What was furthest over its threshold, per value, of the looks that were kept. */
function measured(explanation) {
  return explanation.thresholds
    .map((threshold) => {
      const found = explanation.looks.map((look) => look.values[threshold.value]).filter((value) => value !== undefined);
      if (!found.length) return null;
      const worst = { above: Math.max, below: Math.min, beyond: (...all) => all.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) }[threshold.sense](...found);
      const over = { above: worst >= threshold.enter, below: worst < threshold.enter, beyond: Math.abs(worst) >= threshold.enter }[threshold.sense];
      return { ...threshold, worst, over };
    })
    .filter(Boolean);
}

function values(explanation) {
  // a signal is there or not: a table of ones says nothing
  const rows = explanation.source === "page" ? [] : measured(explanation);
  return rows.map((row) =>
    h(
      "tr",
      { data: { over: String(row.over) } },
      h("th", { scope: "row" }, valueWord(row.value)),
      h("td", { class: "num end" }, valueText(row.value, row.worst)),
      h("td", { class: "num end" }, `${sense[row.sense]} ${valueText(row.value, row.enter)}`),
    ),
  );
}

/** Everything there is to say about one incident's reason. */
export function why(one) {
  const { explanation, started_at: from, ended_at: to } = one;
  const rows = values(explanation);
  const words = [...new Set(explanation.looks.flatMap((look) => look.words))];
  const models = Object.entries(explanation.models).map(([what, sha256]) => `${what} ${sha256.slice(0, SHORT)}`);
  const confirmed = explanation.confirmation;
  const until = goesOn(one) ? t("goes on") : clock.second(to ?? explanation.looks.at(-1).at_ms);
  const facts = [
    [t("When"), times(one) === 1 ? clock.second(from) : `${clock.second(from)} – ${until}`],
    times(one) > 1 && [t("How often"), String(times(one))],
    words.length && [t("Read"), words.join(", ")],
    confirmed.min_ms && [t("At least"), t("{seconds} s", { seconds: (confirmed.min_ms / 1000).toFixed(1) })],
    [t("Would have been cleared by"), clearedWords(explanation.cleared_by)],
    [t("Rules"), explanation.rules],
    models.length && [t("Models"), models.join(", ")],
  ].filter(Boolean);
  return h(
    "div",
    { class: "why", data: { testid: "why" } },
    rows.length
      ? h("table", { class: "why-values" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Measured")), h("th", { scope: "col", class: "end" }, t("Value")), h("th", { scope: "col", class: "end" }, t("Threshold")))), h("tbody", {}, ...rows))
      : "",
    h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
}

const happens = ({ explanation }) => explanation.confirmation.mode === "event";

/** Whether it still holds; what just happened is over at once, even while repetitions are being counted. */
export const goesOn = (one) => !one.ended_at && !happens(one);

/** How often something happened, or null for what lasts. */
export const times = (one) => (happens(one) ? one.explanation.counted : null);

/** How long it lasted (or has lasted) in seconds. */
export const lasted = ({ started_at: from, ended_at: to }) => Math.max(0, (to ? Date.parse(to) : clock.now()) - Date.parse(from)) / 1000;
