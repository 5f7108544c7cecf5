// Keeps one source on air: owns its stream, sends it, and says what became of it.

import { post } from "../lib/api.js";
import { stop as stopStream } from "./devices.js";
import { Link } from "./link.js";
import { capture, tune } from "./sending.js";
import { send } from "./whip.js";

// a sender hears receiver reports, one a second, and STUN answers
const SILENCE_MS = 1400;
const TICKET_MS = 3000;

/**
 * States: `off`, `connecting`, `live`, `retrying`, `ended` (the track was taken away: unplugged
 * camera, "Stop sharing"), told to `onState(state, problem)`.
 */
export class Publisher {
  #link;
  #onState;
  #sending;
  #pc = null;

  /** `sending`: how much of it, as `partOf` in sending.js says. */
  constructor({ sessionId, source, sending, onState, onStats }) {
    this.source = source;
    this.#sending = sending;
    this.stream = null;
    this.state = "off";
    this.#onState = onState;
    this.#link = new Link({
      silenceMs: SILENCE_MS,
      onStats,
      onState: (state, problem) => this.#set(state, problem),
      open: async () => {
        const path = sessionId ? `/sessions/${sessionId}/tickets` : "/tickets/check";
        const issued = await post(path, { source, direction: "send" }, { signal: AbortSignal.timeout(TICKET_MS) });
        const sending = this.#sending;
        const connection = await send({ stream: this.stream, issued, sending });
        this.#pc = connection.pc;
        // it may have changed while the connection came up
        if (sending !== this.#sending) await tune(this.#pc, this.#sending);
        return connection;
      },
    });
  }

  #set(state, problem = null) {
    // a lost track outranks what the connection says about itself
    if (this.state === "ended" && state === "off") return;
    this.state = state;
    this.#onState?.(state, problem);
  }

  start(stream) {
    const running = this.stream !== null && this.state !== "ended";
    if (this.stream && this.stream !== stream) stopStream(this.stream);
    this.stream = stream;
    this.state = "connecting";
    for (const track of stream.getTracks()) {
      track.addEventListener("ended", () => this.#ended(stream), { once: true });
    }
    if (running) this.#link.restart();
    else this.#link.start();
  }

  #ended(stream) {
    if (stream !== this.stream) return;
    this.#set("ended");
    this.#link.stop();
    stopStream(stream);
  }

  get onAir() {
    return !["off", "ended"].includes(this.state);
  }

  /** Switch one kind of track off or on without ending the connection. */
  enable(kind, on) {
    for (const track of this.stream?.getTracks() ?? []) {
      if (track.kind === kind) track.enabled = on;
    }
  }

  /** Send this much from now on. The connection stays; another codec comes with the next one. */
  async apply(sending) {
    if (JSON.stringify(sending) === JSON.stringify(this.#sending)) return;
    this.#sending = sending;
    if (this.stream) await capture(this.stream, sending);
    if (this.#pc) await tune(this.#pc, sending);
  }

  nudge() {
    this.#link.nudge();
  }

  stop() {
    this.state = "off";
    this.#link.stop();
    stopStream(this.stream);
    this.stream = null;
  }
}
