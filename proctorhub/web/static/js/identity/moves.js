// The moves a candidate is asked for, one after another: a sign, a sentence, and the same said to screen readers.

import { alertNow } from "../lib/announce.js";
import { t } from "../lib/t.js";

const MOVES = {
  blink: { sign: "eye", ask: () => t("Close both eyes for a moment, then open them"), word: () => t("Blink") },
  turn_left: { sign: "arrow-left", ask: () => t("Turn your head to your left, and back"), word: () => t("Turn left") },
  turn_right: { sign: "arrow-right", ask: () => t("Turn your head to your right, and back"), word: () => t("Turn right") },
  look_up: { sign: "arrow-up", ask: () => t("Lift your chin and look up, and back"), word: () => t("Look up") },
};
const REST = { sign: "scan-face", ask: () => t("Look straight into the camera") };

export const moveWord = (move) => MOVES[move]?.word() ?? move;

/** What to show at a moment of the burst: {number, sign, sentence, left} (0 to 1 of a move's time; number 0 is rest). */
export function promptAt(steps, at_ms) {
  const number = steps.findIndex((step) => step.from_ms <= at_ms && at_ms < step.to_ms) + 1;
  if (!number) return { number, sign: REST.sign, sentence: REST.ask(), left: 0 };
  const { move, from_ms: from, to_ms: to } = steps[number - 1];
  const known = MOVES[move];
  return { number, sign: known?.sign ?? REST.sign, sentence: known?.ask() ?? move, left: (to - at_ms) / (to - from) };
}

/** Calls `show(prompt)` whenever the prompt changes or its time runs on; screen readers hear each move once. */
export class Prompts {
  #said = null;

  constructor(steps, show) {
    Object.assign(this, { steps, show });
  }

  at(at_ms) {
    const prompt = promptAt(this.steps, at_ms);
    if (prompt.sentence !== this.#said) alertNow(prompt.sentence);
    this.#said = prompt.sentence;
    this.show(prompt);
  }
}
