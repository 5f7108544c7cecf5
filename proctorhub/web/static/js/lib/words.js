// The platform's words for states, verdicts, sources and log entries, in one place.

import { h } from "./dom.js";
import { alarmWord } from "./alarm-words.js";
import { detectorWord } from "./flag-words.js";
import { outcomeWord } from "../identity/outcome.js";
import { sourceWord, trackWord } from "./source-words.js";
import { t } from "./t.js";

export { sourceWord };

const STATES = {
  planned: ["", () => t("Planned")],
  checked_in: ["tone-info", () => t("Checked in")],
  waiting: ["tone-warn", () => t("Waiting for the proctor")],
  identifying: ["tone-warn", () => t("Identification")],
  admitted: ["tone-info", () => t("Admitted")],
  running: ["tone-ok", () => t("Running")],
  paused: ["tone-warn", () => t("Paused")],
  finished: ["tone-info", () => t("Finished")],
  concluded: ["", () => t("Concluded")],
  cancelled: ["", () => t("Cancelled")],
  no_show: ["", () => t("Did not come")],
  rejected: ["tone-bad", () => t("Identity rejected")],
  interrupted: ["tone-bad", () => t("Ended early")],
};

const VERDICTS = {
  clean: ["tone-ok", () => t("Clean")],
  suspicious: ["tone-warn", () => t("Suspicious")],
  violation: ["tone-bad", () => t("Violation")],
  technical: ["tone-info", () => t("Technical problem")],
};

const TIERS = {
  none: () => t("Not proctored"),
  ai: () => t("Watched by software"),
  ai_human: () => t("Watched by a proctor"),
};

const CAUSES = {
  client: () => t("at the candidate"),
  network: () => t("network"),
  node: () => t("media node"),
  storage: () => t("storage"),
};

const LOW = {
  exam: () => t("Low-bandwidth mode, set by the exam"),
  proctor: () => t("Low-bandwidth mode"),
  candidate: () => t("Low-bandwidth mode, chosen by the candidate"),
};

const ROLES = {
  candidate: () => t("Candidate"),
  proctor: () => t("Proctor"),
  reviewer: () => t("Reviewer"),
  exam_admin: () => t("Exam administrator"),
  admin: () => t("Administrator"),
};

const lookUp = (table, key) => table[key]?.() ?? key;
export const states = Object.keys(STATES);
export const stateWord = (state) => STATES[state]?.[1]() ?? state;
export const verdictWord = (verdict) => VERDICTS[verdict]?.[1]() ?? verdict;
export const tierWord = (tier) => lookUp(TIERS, tier);
export const lowWord = (media) => lookUp(LOW, media.low_bandwidth_by);
export const roleWord = (role) => lookUp(ROLES, role);
export const causeWord = (cause) => lookUp(CAUSES, cause);

const badge = (table, key) =>
  h("span", { class: `badge-state ${table[key]?.[0] ?? ""}`, data: { value: key } }, table[key]?.[1]() ?? key);
export const stateBadge = (state) => badge(STATES, state);
export const verdictBadge = (verdict) => badge(VERDICTS, verdict);

const ENTRIES = {
  "session.created": () => t("Session created"),
  "booking.made": () => t("Time booked"),
  "proctor.assigned": () => t("Proctor assigned"),
  "equipment.checked": () => t("Equipment checked"),
  "consent.given": () => t("Consent given"),
  "time.extended": (d) => t("{minutes} minutes added", d),
  "bandwidth.switched": (d) => (d.low ? t("Low-bandwidth mode on") : t("Low-bandwidth mode off")),
  warning: () => t("Warning"),
  chat: () => t("Chat"),
  note: () => t("Note"),
  "still.taken": (d) =>
    ({ document: t("Still of the document"), face: t("Still of the face") })[d.purpose] ?? t("Still: {source}", { source: sourceWord(d.source) }),
  "source.opened": (d) => t("{source} connected", { source: sourceWord(d.source) }),
  "source.closed": (d) => t("{source} closed", { source: sourceWord(d.source) }),
  "track.silent": (d) => t("{source} silent", { source: sourceWord(d.source) }),
  "track.live": (d) => t("{source} live again", { source: sourceWord(d.source) }),
  "segment.stored": (d) => t("Segment of {source} stored", { source: sourceWord(d.source) }),
  "segment.backfilled": (d) => t("Gap in {source} filled from the candidate's computer", { source: sourceWord(d.source) }),
  "gap.noted": (d) => t("Gap in {source}", { source: trackWord(d) }),
  "alarm.raised": (d) => alarmWord(d),
  "alarm.cleared": (d) => t("Over: {what}", { what: alarmWord(d) }),
  "evidence.read": () => t("Evidence read"),
  "verdict.delivered": () => t("Conclusion delivered"),
  "incident.opened": (d) => t("Flag: {what}", { what: detectorWord(d.detector) }),
  "incident.grown": (d) => t("Flag grown: {what}", { what: detectorWord(d.detector) }),
  "incident.closed": (d) => t("Flag ended: {what}", { what: detectorWord(d.detector) }),
  "incident.decided": (d) => (d.decision === "confirmed" ? t("Flag confirmed") : t("Flag dismissed")),
  "monitoring.silent": (d) => t("Nobody looks: {what}", { what: d.detectors.map(detectorWord).join(", ") }),
  "monitoring.live": (d) => t("Looked at again: {what}", { what: d.detectors.map(detectorWord).join(", ") }),
  "monitoring.changed": () => t("Monitoring settings changed"),
  "identity.challenged": () => t("Identity check begun"),
  "identity.submitted": () => t("Pictures for the identity check sent"),
  "identity.checked": (d) => t("Identity check: {outcome}", { outcome: outcomeWord(d.state) }),
  "identity.recorded": () => t("Identity check signed"),
};

export function entryWord(entry) {
  if (entry.kind.startsWith("state.")) return stateWord(entry.kind.slice(6));
  return ENTRIES[entry.kind]?.(entry.data ?? {}) ?? entry.kind;
}

/** The words of a person or the reason behind an entry, or nothing. */
export function entryText(entry) {
  const data = entry.data ?? {};
  if (data.text) return data.text;
  if (entry.kind === "gap.noted") return causeWord(data.cause);
  if (entry.kind === "state.concluded") {
    return [verdictWord(data.verdict), data.comment].filter(Boolean).join(" – ");
  }
  return data.reason ?? data.comment ?? "";
}

const GROUPS = {
  "state.rejected": "alert",
  "state.interrupted": "alert",
  chat: "talk",
  note: "talk",
  warning: "alert",
  "gap.noted": "alert",
  "alarm.raised": "alert",
  "alarm.cleared": "media",
  "track.silent": "alert",
  "source.closed": "media",
  "source.opened": "media",
  "track.live": "media",
  "segment.stored": "storage",
  "segment.backfilled": "media",
  "evidence.read": "storage",
  "still.taken": "proof",
  "incident.opened": "alert",
  "incident.grown": "storage",
  "incident.closed": "storage",
  "incident.decided": "state",
  "monitoring.silent": "alert",
  "monitoring.live": "media",
  "identity.challenged": "storage",
  "identity.submitted": "storage",
  "identity.checked": "proof",
  "identity.recorded": "storage",
};
export const entryGroup = (entry) => GROUPS[entry.kind] ?? "state";

const ICONS = {
  talk: "message-square",
  alert: "triangle-alert",
  media: "video",
  storage: "circle-check",
  proof: "camera",
  state: "flag",
};
export const entryIcon = (entry) => (entry.kind === "note" ? "sticky-note" : ICONS[entryGroup(entry)]);
