// What the sources of media are called.

import { t } from "./t.js";

const SOURCES = {
  camera: () => t("Camera"),
  screen: () => t("Screen"),
  proctor: () => t("Proctor"),
};

export const sourceWord = (source) => SOURCES[source]?.() ?? source;
