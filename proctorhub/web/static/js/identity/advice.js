// Advice in words for what the page measured in a picture.

import { t } from "../lib/t.js";

const ADVICE = {
  dark: () => t("Too dark: turn on a light in front of you."),
  bright: () => t("Too bright: move away from the lamp or window."),
  empty: { document: () => t("Hold the document so that it fills the frame."), face: () => t("Nobody to be seen: come into the frame.") },
  glare: () => t("Light is reflected: tilt the document a little."),
  small: () => t("This camera gives small pictures: hold it as close as it stays sharp."),
  shaken: () => t("Shaken: hold it still with both hands, or rest your arms on the table."),
  blurred: () => t("Blurred: hold still, and a little further away if it stays so."),
};
const GOOD = {
  document: () => t("Good. Hold still and take the picture."),
  face: () => t("Good. Look straight into the camera and take the picture."),
};

/** What to mend first about a document or a face; praise when there is nothing. */
export function advice(problems, kind) {
  if (!problems.length) return GOOD[kind]();
  const found = ADVICE[problems[0]];
  return (found[kind] ?? found)();
}
