// Keeps one source on a <video>: watches it, notices when its pictures stop, and comes back.

import { post } from "../lib/api.js";
import { Link } from "./link.js";
import { watch } from "./whep.js";

const SILENCE_MS = 3000;
const TICKET_MS = 3000;
const FROZEN_MS = 2500;
const STUCK_MS = 12_000;

export class Viewer {
  #link;
  #frames = -1;
  #moved = 0;
  #frozen = false;

  constructor({ sessionId, source, video, audio = source !== "screen", onState }) {
    this.video = video;
    this.source = source;
    this.onState = onState;
    this.#link = new Link({
      silenceMs: SILENCE_MS,
      onState: (state, problem) => {
        if (state !== "live") this.#frozen = false;
        this.onState?.(state, problem);
      },
      // a proctor may only speak: their sound is a sign of life too
      onStats: ({ frames, audio: sound }) => this.#look(source === "proctor" ? frames + sound : frames),
      open: async () => {
        const issued = await post(`/sessions/${sessionId}/tickets`, { source, direction: "watch" }, { signal: AbortSignal.timeout(TICKET_MS) });
        const connection = await watch({ issued, audio });
        this.#frames = -1;
        this.#moved = performance.now();
        this.video.srcObject = connection.stream;
        // sound may not start before the first press; pictures always may
        this.video.play().catch(() => {
          this.video.muted = true;
          this.video.play().catch(() => {});
        });
        return connection;
      },
    });
  }

  get state() {
    return this.#frozen ? "frozen" : this.#link.state;
  }

  #look(frames) {
    const at = performance.now();
    if (frames !== this.#frames) {
      this.#frames = frames;
      this.#moved = at;
    }
    const frozen = at - this.#moved > FROZEN_MS;
    if (frozen !== this.#frozen) {
      this.#frozen = frozen;
      this.onState?.(frozen ? "frozen" : "live", null);
    }
    // the node answers but this source's pictures never come: ask anew, the sender may have changed
    if (at - this.#moved > STUCK_MS) this.#link.restart();
  }

  /** Follow what the session says of the source: asking for one that nobody sends is in vain. */
  follow(status) {
    if (["live", "silent"].includes(status?.state)) this.#link.start();
    else this.stop();
  }

  /** The server said that this source came or changed. */
  nudge() {
    if (this.#link.state !== "live") this.#link.nudge();
  }

  stop() {
    if (this.#link.state === "off") return;
    this.#link.stop();
    this.video.srcObject = null;
  }
}
