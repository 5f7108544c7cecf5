// Low-bandwidth mode on the candidate's page: offered while the line is poor, shown while it is on.

import { post } from "../lib/api.js";
import { $, busy, say, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { UNKNOWN, heard } from "./slow-line.js";

const WHY = {
  exam: () => t("This exam saves bandwidth: few pictures a second are sent."),
  proctor: () => t("Your proctor switched on low-bandwidth mode: few pictures a second are sent."),
  candidate: () => t("Low-bandwidth mode is on: few pictures a second are sent."),
};

export class LineSaver {
  #media = null;
  #declined = false;
  #line = UNKNOWN;

  constructor({ sessionId, onSwitched, onProblem }) {
    this.sessionId = sessionId;
    this.onSwitched = onSwitched;
    this.onProblem = onProblem;
    $("#saver-yes").addEventListener("click", (event) => this.#switch(event.currentTarget, true));
    $("#saver-off").addEventListener("click", (event) => this.#switch(event.currentTarget, false));
    $("#saver-no").addEventListener("click", () => {
      this.#declined = true;
      this.#offer();
    });
  }

  /** What the session says is sent. */
  session({ media }) {
    this.#media = media;
    say($("#saver-on"), media.low_bandwidth ? WHY[media.low_bandwidth_by]() : "");
    show($("#saver-off"), media.low_bandwidth_by === "candidate");
    this.#offer();
  }

  /** The equipment check measured the line. */
  measured(enough) {
    this.#declined = false;
    this.#line = { ...UNKNOWN, offered: !enough };
    this.#offer();
  }

  /** What the browser believes the camera's line to carry, kbit/s; several times a second. */
  carries(kbit) {
    if (!this.#media || kbit === null) return;
    this.#line = heard(this.#line, performance.now(), kbit, this.#media.camera);
    this.#offer();
  }

  #offer() {
    const box = $("#saver-offer");
    const open = !this.#declined && !this.#media?.low_bandwidth;
    const offered = open && this.#line.offered;
    if (offered === !box.hidden) return;
    // nobody's button goes away just before it is pressed
    if (open && !offered && box.matches(":hover, :focus-within")) return;
    say(box, offered ? t("Your line is slow. Low-bandwidth mode sends few pictures a second and leaves room for the exam itself.") : "");
  }

  #switch(button, on) {
    return busy(button, async () => {
      try {
        const session = await post(`/sessions/${this.sessionId}/low-bandwidth`, { on });
        if (!on) this.#declined = true;
        this.onSwitched(session);
      } catch (error) {
        this.onProblem(error);
      }
    });
  }
}
