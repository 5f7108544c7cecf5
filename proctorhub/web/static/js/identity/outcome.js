// The words of an identity check: outcomes, fields of a document, what did not hold.

import { h } from "../lib/dom.js";
import { t } from "../lib/t.js";

const STATES = {
  none: ["", () => t("Not checked by software")],
  pending: ["tone-info", () => t("Being checked")],
  verified: ["tone-ok", () => t("Recognised")],
  rejected: ["tone-bad", () => t("Does not match")],
  needs_human_review: ["tone-warn", () => t("Please look")],
};

const MATCHES = {
  same: ["tone-ok", () => t("Same")],
  unsure: ["tone-warn", () => t("Please look")],
  different: ["tone-bad", () => t("Different")],
  not_checked: ["", () => t("Not checked")],
};

const LIVENESS = {
  passed: ["tone-ok", () => t("Done as asked")],
  unclear: ["tone-warn", () => t("Please look")],
  failed: ["tone-bad", () => t("Not done as asked")],
  not_checked: ["", () => t("Not checked")],
};

const FIELDS = {
  name: () => t("Name"),
  number: () => t("Number"),
  birth_date: () => t("Date of birth"),
  expiry_date: () => t("Valid until"),
};

const AGAINST = {
  document: () => t("Face and document"),
  burst: () => t("Face and moves"),
  enrolment: () => t("Face and earlier approval"),
};

const CHECK_DIGITS = {
  number: () => t("Number"),
  birth_date: () => t("Date of birth"),
  expiry_date: () => t("Valid until"),
  optional: () => t("Optional data"),
  composite: () => t("All of it"),
};

const LIVENESS_REASONS = {
  impossible_times: () => t("the times of the pictures are impossible"),
  replayed: () => t("pictures came again, as in a film"),
  still_face: () => t("nothing moved, as in a photograph"),
  too_regular: () => t("pictures came like clockwork, as from a script"),
  burst_too_thin: () => t("too few pictures came"),
  face_lost: () => t("the face was not always to be seen"),
  other_move: () => t("another move than the one asked for"),
  move_missing: () => t("a move was not seen"),
  eyes_unclear: () => t("the eyes could not be told, with glasses for example"),
};

const QUALITY = {
  dark: () => t("too dark"),
  bright: () => t("too bright"),
  empty: () => t("nothing to be seen in the frame"),
  glare: () => t("reflections"),
  small: () => t("few pixels"),
  shaken: () => t("shaken"),
  blurred: () => t("blurred"),
};

const MISSING = {
  ocr: () => t("reading documents"),
  detect: () => t("finding faces"),
  pose: () => t("measuring how a head is turned"),
  eyes: () => t("measuring eyes"),
  embed: () => t("comparing faces"),
};

const badge = (table, key) => h("span", { class: `badge-state ${table[key]?.[0] ?? ""}`, data: { value: key } }, table[key]?.[1]() ?? key);
const word = (table) => (key) => table[key]?.() ?? key;

export const outcomeBadge = (state) => badge(STATES, state);
export const outcomeWord = (state) => STATES[state]?.[1]() ?? state;
export const matchBadge = (match) => badge(MATCHES, match);
export const livenessBadge = (outcome) => badge(LIVENESS, outcome);
export const fieldWord = word(FIELDS);
export const againstWord = word(AGAINST);
export const checkDigitWord = word(CHECK_DIGITS);
export const livenessReason = word(LIVENESS_REASONS);
export const qualityWord = word(QUALITY);
export const missingWord = word(MISSING);
