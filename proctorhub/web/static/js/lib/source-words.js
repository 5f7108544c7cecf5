// What the sources of media are called.

import { t } from "./t.js";

const SOURCES = {
  camera: () => t("Camera"),
  screen: () => t("Screen"),
  proctor: () => t("Proctor"),
};

export const sourceWord = (source) => SOURCES[source]?.() ?? source;

/** A source, or one of its tracks. */
export const trackWord = ({ source, track }) =>
  ({ video: t("{source}, picture", { source: sourceWord(source) }), audio: t("{source}, sound", { source: sourceWord(source) }) })[track] ?? sourceWord(source);
