// What is wrong with a recording, in words, and what to do about it.

import { trackWord } from "./source-words.js";
import { t } from "./t.js";

const NOT_LOST = () => t("Nothing is lost yet: what was recorded waits on the media node.");

// part.reason: [the full sentence, what to do, the few words that fit on a tile]
const ALARMS = {
  "track.silent": [
    (what) => t("Nothing arrives: {what}.", { what }),
    () => t("The page tries again by itself. If it lasts, write to the candidate."),
    (what) => t("{what}: nothing arrives", { what }),
  ],
  "track.closed": [
    (what) => t("Not connected: {what}.", { what }),
    () => t("The page tries again by itself. If it lasts, write to the candidate, and pause the exam if need be."),
    (what) => t("{what}: not connected", { what }),
  ],
  "recorder.not_written": [
    (what) => t("It arrives but is not recorded: {what}.", { what }),
    () => t("Ask the candidate to reload the page. If that does not help, tell the operator; what you see meanwhile, note yourself."),
    (what) => t("{what}: not recorded", { what }),
  ],
  "recorder.disk": [
    (what) => t("The media node cannot write: {what} is not recorded.", { what }),
    () => t("Tell the operator that the media node's disk refuses. What you see meanwhile, note yourself, or pause the exam."),
    (what) => t("{what}: not recorded", { what }),
  ],
  "recorder.spool_full": [
    (what) => t("The media node has no room left: {what} is not recorded.", { what }),
    () => t("Tell the operator that recordings are not taken off the media node. What you see meanwhile, note yourself, or pause the exam."),
    (what) => t("{what}: not recorded", { what }),
  ],
  "uploader.hanging": [
    (what) => t("Storage does not answer: {what} is not stored.", { what }),
    () => [NOT_LOST(), t("Tell the operator.")].join(" "),
    (what) => t("{what}: not stored", { what }),
  ],
  "uploader.failing": [
    (what) => t("Storage refuses: {what} is not stored.", { what }),
    () => [NOT_LOST(), t("Tell the operator.")].join(" "),
    (what) => t("{what}: not stored", { what }),
  ],
  "uploader.behind": [
    (what) => t("Storage is too slow: {what} waits.", { what }),
    () => [NOT_LOST(), t("If it lasts, tell the operator.")].join(" "),
    (what) => t("{what}: stored late", { what }),
  ],
  "node.silent": [
    (what) => t("The media node does not answer: {what} is not recorded.", { what }),
    () => t("The candidate's page looks for another node by itself. If it lasts longer than half a minute, tell the operator."),
    (what) => t("{what}: media node silent", { what }),
  ],
};

const words = (alarm) => ALARMS[`${alarm.part}.${alarm.reason}`];

const joined = (alarms) => [...new Set(alarms.map(trackWord))].join("; ");

export const alarmWord = (...alarms) => words(alarms[0])?.[0](joined(alarms)) ?? alarms[0].reason;
export const alarmShort = (...alarms) => words(alarms[0])?.[2](joined(alarms)) ?? alarms[0].reason;
export const alarmAdvice = (alarm) => words(alarm)?.[1]() ?? "";

/** Alarms that say the same, put together: [[alarm, …], …]. */
export function alike(alarms) {
  const groups = new Map();
  for (const alarm of alarms) {
    const key = `${alarm.part}.${alarm.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), alarm]);
  }
  return [...groups.values()];
}
