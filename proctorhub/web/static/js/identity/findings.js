// What software found about an identity, for staff: pictures side by side, the document against the profile, faces,
// liveness, reasons; and what was not looked at, said as such.

import { h, icon } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { moveWord } from "./moves.js";
import { againstWord, checkDigitWord, fieldWord, livenessBadge, livenessReason, matchBadge, missingWord, qualityWord } from "./outcome.js";
import { scale } from "./scale.js";

const SHORT = 12;

const folded = (word) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const words = (text) => text.split(/([\s,]+)/);

/** A text with the words marked that the other one does not have. */
export function differing(text, other) {
  const known = new Set(words(other ?? "").map(folded));
  return words(text).map((word) => (word.trim() && !known.has(folded(word)) ? h("mark", {}, word) : word));
}

const section = (title, ...content) => h("section", {}, h("h3", {}, title), ...content);
const nothing = (text = t("Not checked")) => h("p", { class: "soft mb-0" }, text);
const sign = (held) => h("span", { class: held ? "held" : "failed" }, icon(held ? "check" : "x"), h("span", { class: "visually-hidden" }, held ? t("holds") : t("does not hold")));

function pictures({ document_url: card, selfie_url: selfie }) {
  const all = [
    [card, t("Document, sent by the candidate")],
    [selfie, t("Face, sent by the candidate")],
  ].filter(([url]) => url);
  return h("div", { class: "findings-pictures" }, ...all.map(([url, text]) => h("figure", {}, h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { src: url, alt: text })), h("figcaption", {}, text))));
}

function row({ name, read, expected, match }) {
  const differs = ["unsure", "different"].includes(match);
  const shown = read ? (differs && expected ? differing(read, expected) : [read]) : [h("span", { class: "soft" }, t("not read"))];
  return h(
    "tr",
    { data: { field: name, match } },
    h("th", { scope: "row" }, fieldWord(name)),
    h("td", { data: { label: t("Document") } }, h("span", {}, ...shown)),
    h("td", { data: { label: t("Profile"), empty: String(expected === null) } }, expected ?? h("span", { class: "soft" }, "–")),
    // what the profile does not hold is only read, and that is no verdict
    h("td", { data: { label: t("Comparison") } }, expected === null && read ? h("span", { class: "soft" }, t("only read")) : matchBadge(match)),
  );
}

function fields({ fields: all }) {
  if (!all.length) return nothing();
  const head = ["", t("Document"), t("Profile"), t("Comparison")];
  return h("table", { class: "data findings-fields" }, h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, t("Field")))))), h("tbody", {}, ...all.map(row)));
}

function checkDigits({ mrz }) {
  if (!mrz) return nothing(t("No machine-readable lines were read."));
  const digits = mrz.checks.map(({ name, held }) => h("li", { data: { held: String(held) } }, sign(held), checkDigitWord(name)));
  const printed = mrz.confirmed ? t("The print above the lines says the same.") : t("The print above the lines does not confirm this: compare it yourself.");
  const repaired = mrz.repaired ? h("p", { class: mrz.confirmed ? "small soft mb-0" : "notice tone-warn small mb-0", data: { testid: "findings-repaired" } }, h("span", {}, t("Characters put right by the check digits: {count}", { count: mrz.repaired }), ". ", printed)) : "";
  return h("div", {}, h("ul", { class: "findings-list" }, ...digits), repaired);
}

const rate = (share) => t("At the stated thresholds one of {count} strangers would pass as the same person.", { count: Math.round(1 / share).toLocaleString(document.documentElement.lang) });

function faces({ faces: all, thresholds }) {
  if (!all.length) return nothing();
  const each = all.map(({ against, distance, match }) =>
    h("div", { class: "findings-face", data: { against } }, h("p", { class: "row-line mb-1" }, h("strong", {}, againstWord(against)), matchBadge(match)), distance !== null && thresholds ? scale(distance, thresholds) : ""),
  );
  const stated = thresholds ? h("p", { class: "small soft mb-0" }, rate(thresholds.false_match_rate), " ", t("Where this comes from: {source}.", { source: thresholds.source })) : "";
  return h("div", { class: "stack" }, ...each, stated);
}

function liveness({ liveness: found }) {
  if (found.outcome === "not_checked") return nothing();
  const moves = found.moves.map(({ move, seen_ms: seen }) => h("li", { data: { held: String(seen !== null) } }, sign(seen !== null), seen === null ? t("{move}: not seen", { move: moveWord(move) }) : t("{move}: seen after {seconds} s", { move: moveWord(move), seconds: (seen / 1000).toFixed(1) })));
  const reasons = found.reasons.length ? h("p", { class: "small mb-0" }, found.reasons.map(livenessReason).join("; ")) : "";
  return h("div", {}, livenessBadge(found.outcome), h("ul", { class: "findings-list mt-2" }, ...moves), reasons);
}

function poor({ page_quality: quality }) {
  const named = [
    [t("Document"), quality.document],
    [t("Face"), quality.selfie],
  ].filter(([, one]) => one?.low);
  if (!named.length) return "";
  return h("p", { class: "notice tone-warn", data: { testid: "findings-quality" } }, icon("triangle-alert"), h("span", {}, t("The page advised against these pictures; the candidate sent them all the same."), " ", named.map(([name, one]) => `${name}: ${one.problems.map(qualityWord).join(", ")}`).join("; ")));
}

function technical({ models, thresholds, rules, record, missing }) {
  const lines = [
    [t("Not available here"), missing.map(missingWord).join(", ")],
    [t("Rules"), rules],
    [t("Faces compared in"), thresholds?.space_id],
    [t("Models"), Object.entries(models).map(([name, sha256]) => `${name} ${sha256.slice(0, SHORT)}`).join(", ")],
    [t("Signed record"), record ? t("key {key}", { key: record.key.slice(0, SHORT) }) : null],
  ].filter(([, value]) => value);
  return h("details", { class: "findings-more" }, h("summary", {}, t("Models, rules and signature")), h("dl", { class: "facts small" }, ...lines.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

/** Everything there is to say about one check: {state, reasons, details} → an element. */
export function findings({ reasons, details }) {
  const why = reasons.length ? h("ul", { class: "findings-reasons" }, ...reasons.map(({ sentence }) => h("li", {}, sentence))) : "";
  if (!details) return h("div", { class: "findings" }, why);
  return h(
    "div",
    { class: "findings", data: { testid: "findings" } },
    why,
    poor(details),
    h(
      "div",
      { class: "findings-grid" },
      pictures(details),
      section(t("What the document says"), fields(details)),
      section(t("Check digits"), checkDigits(details)),
      section(t("Faces"), faces(details)),
      section(t("Moves"), liveness(details)),
    ),
    technical(details),
  );
}
