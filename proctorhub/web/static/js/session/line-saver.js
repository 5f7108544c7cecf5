// Low-bandwidth mode on the candidate's page: offered when the line is poor, shown while it is on.

import { post } from "../lib/api.js";
import { $, busy, say, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { tooSlow } from "../media/sending.js";

const POOR_FOR_MS = 12_000;
// the browser finds out during its first seconds what a line carries
const WARM_UP_MS = 15_000;

const WHY = {
  exam: () => t("This exam saves bandwidth: few pictures a second are sent."),
  proctor: () => t("Your proctor switched on low-bandwidth mode: few pictures a second are sent."),
  candidate: () => t("Low-bandwidth mode is on: few pictures a second are sent."),
};

export class LineSaver {
  #media = null;
  #declined = false;
  #begun = 0;
  #poorSince = 0;

  constructor({ sessionId, onSwitched, onProblem }) {
    this.sessionId = sessionId;
    this.onSwitched = onSwitched;
    this.onProblem = onProblem;
    $("#saver-yes").addEventListener("click", (event) => this.#switch(event.currentTarget, true));
    $("#saver-off").addEventListener("click", (event) => this.#switch(event.currentTarget, false));
    $("#saver-no").addEventListener("click", () => {
      this.#declined = true;
      say($("#saver-offer"), "");
    });
  }

  /** What the session says is sent. */
  session({ media }) {
    this.#media = media;
    say($("#saver-on"), media.low_bandwidth ? WHY[media.low_bandwidth_by]() : "");
    show($("#saver-off"), media.low_bandwidth_by === "candidate");
    if (media.low_bandwidth) say($("#saver-offer"), "");
  }

  /** The equipment check measured the line. */
  measured(enough) {
    this.#declined = false;
    if (enough) say($("#saver-offer"), "");
    else this.#offer();
  }

  /** What the browser believes the camera's line to carry, kbit/s; several times a second. */
  carries(kbit) {
    if (!this.#media || kbit === null) return;
    const at = performance.now();
    this.#begun ||= at;
    const poor = tooSlow(kbit, this.#media.camera) && at - this.#begun > WARM_UP_MS;
    this.#poorSince = poor ? this.#poorSince || at : 0;
    if (poor && at - this.#poorSince > POOR_FOR_MS) this.#offer();
  }

  #offer() {
    if (this.#declined || this.#media?.low_bandwidth) return;
    say($("#saver-offer"), t("Your line is slow. Low-bandwidth mode sends few pictures a second and leaves room for the exam itself."));
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
