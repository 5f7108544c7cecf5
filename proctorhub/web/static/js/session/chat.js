// The chat of one session, for either side: a list of lines and a form.

import { post } from "../lib/api.js";
import { alertNow, announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, h, say, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { writing } from "../lib/writing.js";

const AT_END_PX = 60;

/**
 * `root` holds `[data-lines]`, `form` with a textarea, `[data-problem]` and `[data-empty]`.
 * `onArrival(entry)` hears what the other side wrote after the page was filled.
 */
export class Chat {
  #seen = new Set();

  constructor({ root, sessionId, onArrival }) {
    this.root = root;
    this.sessionId = sessionId;
    this.onArrival = onArrival;
    this.list = $("[data-lines]", root);
    this.form = $("form", root);
    this.input = $("textarea", this.form);
    this.me = document.body.dataset.userId;
    writing({
      form: this.form,
      field: this.input,
      send: (text) => this.#send(text),
      onProblem: (error) => say($("[data-problem]", this.root), error.message),
    });
  }

  async #send(text) {
    const entry = await post(`/sessions/${this.sessionId}/chat`, { text });
    say($("[data-problem]", this.root), "");
    this.add(entry, { quiet: true });
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** Put one `chat` or `warning` entry at the end; the same entry twice is one line. */
  add(entry, { quiet = false } = {}) {
    if (!["chat", "warning"].includes(entry.kind) || this.#seen.has(entry.id)) return;
    this.#seen.add(entry.id);
    const mine = entry.actor?.id === this.me;
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < AT_END_PX;
    this.list.append(
      h(
        "li",
        { class: `line ${mine ? "line-mine" : ""} ${entry.kind === "warning" ? "line-warning" : ""}`, data: { testid: "chat-line" } },
        h("p", { class: "line-head" }, h("strong", {}, this.#who(entry, mine)), " ", h("time", { datetime: entry.at }, clock.time(entry.at))),
        h("p", { class: "line-text" }, entry.data.text),
      ),
    );
    show($("[data-empty]", this.root), false);
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    if (quiet || mine) return;
    const sentence = t("{name}: {text}", { name: entry.actor?.name ?? t("Proctor"), text: entry.data.text });
    if (entry.kind === "warning") alertNow(t("Warning. {text}", { text: entry.data.text }));
    else announce(sentence);
    this.onArrival?.(entry);
  }

  #who(entry, mine) {
    if (entry.kind === "warning") return t("Warning");
    return mine ? t("You") : (entry.actor?.name ?? t("Proctor"));
  }

  enable(on) {
    this.input.disabled = !on;
    $("button", this.form).disabled = !on;
  }
}
