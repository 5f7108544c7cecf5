// What the page says at the end: whether it still sends what did not get through, and when it may be closed.

import { $, say } from "../lib/dom.js";
import { t } from "../lib/t.js";

const WORDS = {
  checking: () => t("Please keep this page open: it is being checked whether your recording has arrived."),
  sending: () => t("Please keep this page open: parts of your recording are still being sent."),
  sent: () => t("Nothing is left to be sent. You may close this page."),
  late: () => t("The time for sending is over. You may close this page."),
};

export function tellRest(state) {
  const box = $("#rest");
  box.dataset.state = state;
  say(box, WORDS[state]());
}
