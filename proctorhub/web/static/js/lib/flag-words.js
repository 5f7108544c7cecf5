// The words for what software looks for, how grave it is, what was measured, and what would have cleared it.

import { h } from "./dom.js";
import { t } from "./t.js";

const DETECTORS = {
  no_face: () => t("No face"),
  second_face: () => t("Second face"),
  other_person: () => t("Other person"),
  looking_away: () => t("Looking away"),
  camera_covered: () => t("Camera covered"),
  camera_frozen: () => t("Camera frozen or replayed"),
  too_dark: () => t("Too dark"),
  speech: () => t("Speech"),
  tab_hidden: () => t("Page hidden"),
  focus_lost: () => t("Another window in front"),
  fullscreen_left: () => t("Full screen left"),
  clipboard: () => t("Copied or pasted"),
  second_display: () => t("Second display"),
  share_stopped: () => t("Screen sharing stopped"),
  share_not_monitor: () => t("Not the whole screen shared"),
  devtools: () => t("Developer tools key"),
  virtual_camera: () => t("Virtual camera"),
  reconnected: () => t("Connected again"),
  forbidden_application: () => t("Forbidden application"),
  exam_not_shown: () => t("Exam not on the screen"),
};

const SEVERITIES = {
  low: ["tone-info", () => t("Low")],
  medium: ["tone-warn", () => t("Medium")],
  high: ["tone-bad", () => t("High")],
};

const LOOKING = {
  live: () => t("looks"),
  silent: () => t("silent"),
  no_source: () => t("no picture"),
  not_checked: () => t("not checked"),
  calibrating: () => t("still learning, about a minute"),
};

const DECISIONS = {
  confirmed: ["tone-bad", () => t("Confirmed")],
  dismissed: ["tone-ok", () => t("Dismissed")],
};

const VALUES = {
  face: [() => t("Certainty of the face"), ""],
  second_face: [() => t("Certainty of the second face"), ""],
  yaw: [() => t("Turned to the side"), "°"],
  down: [() => t("Turned down (minus: up)"), "°"],
  iris: [() => t("Eyes to the side"), ""],
  brightness: [() => t("Brightness"), ""],
  detail: [() => t("Detail of the picture"), ""],
  change: [() => t("Change from picture to picture"), ""],
  repeated: [() => t("Repeated pictures"), ""],
  still_s: [() => t("Seconds without any change"), " s"],
  replayed: [() => t("Part of the movement that came again"), ""],
  distance: [() => t("Distance from the reference face"), ""],
  speech_s: [() => t("Seconds of speech"), " s"],
  forbidden: [() => t("Forbidden applications read"), ""],
  exam_shown: [() => t("Exam read on the screen"), ""],
};

export const detectors = Object.keys(DETECTORS);
export const severities = Object.keys(SEVERITIES);
export const detectorWord = (name) => DETECTORS[name]?.() ?? name;
export const severityWord = (name) => SEVERITIES[name]?.[1]() ?? name;
export const lookingWord = (state) => LOOKING[state]?.() ?? state;
export const valueWord = (name) => VALUES[name]?.[0]() ?? detectorWord(name);
export const valueText = (name, value) => `${Math.round(value * 1000) / 1000}${VALUES[name]?.[1] ?? ""}`;
export const severityTone = (name) => SEVERITIES[name]?.[0] ?? "";

const badge = (table, key) => h("span", { class: `badge-state ${table[key]?.[0] ?? ""}`, data: { value: key } }, table[key]?.[1]() ?? key);
export const severityBadge = (severity) => badge(SEVERITIES, severity);
export const decisionBadge = (decision) => badge(DECISIONS, decision);

const TOWARDS = {
  lower: (part) => t("{value} lower by {by}", part),
  higher: (part) => t("{value} higher by {by}", part),
  smaller: (part) => t("{value} smaller by {by}", part),
};
const CLEARED = {
  value: ({ changes }) => changes.map(({ value, towards, by }) => TOWARDS[towards]({ value: valueWord(value), by: valueText(value, by) })).join(", "),
  length: ({ by_ms: by }) => t("{seconds} s shorter", { seconds: (by / 1000).toFixed(1) }),
  count: ({ by }) => t("{count} times fewer", { count: by }),
  absence: () => t("only if it had not happened"),
};

/** The smallest change that would have cleared a flag, and the next one. */
export const clearedWords = (changes) => changes.map((change) => CLEARED[change.what](change)).join(t(" – or: "));
