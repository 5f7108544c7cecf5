// The proctor's own camera and voice: shown, heard while a key or button is held, or heard all the time.

import { $, setIcon, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { toast } from "../lib/toast.js";
import * as devices from "../media/devices.js";
import { Publisher } from "../media/publisher.js";
import { USUAL, partOf } from "../media/sending.js";

// between two remarks the line stays open, so that the next one is heard from its first word
const LINGER_MS = 60_000;

export class Talk {
  #publisher;
  #shown = false;
  #steady = false;
  #held = false;
  #opening = null;
  #linger = 0;
  #open = false;
  #told = false;

  constructor({ sessionId, onProblem }) {
    this.onProblem = onProblem;
    this.#publisher = new Publisher({ sessionId, source: "proctor", sending: partOf(USUAL, "proctor"), onState: (state, problem) => this.#changed(state, problem) });
    $("#own-camera").addEventListener("click", () => this.toggleCamera());
    $("#own-mic").addEventListener("click", () => this.toggleSteady());
    const button = $("#own-talk");
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.hold();
    });
    button.addEventListener("lostpointercapture", () => this.release());
    button.addEventListener("keydown", (event) => {
      if (![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) this.hold();
    });
    document.addEventListener("keyup", (event) => [" ", "Enter"].includes(event.key) && this.release());
    addEventListener("blur", () => this.release());
    this.#draw();
  }

  /** Whether there is somebody to talk to. */
  set open(open) {
    this.#open = open;
    if (!open) this.stop();
  }

  /** The keys work everywhere on the page, also when there is nobody to talk to; that is said once. */
  #alone() {
    if (this.#open || this.#told) return !this.#open;
    this.#told = true;
    toast(t("You can talk only while the session is on and yours."), { tone: "tone-info", quiet: true });
    return true;
  }

  /** Be heard until `release()`. */
  async hold() {
    if (this.#alone()) return;
    this.#held = true;
    this.#draw();
    await this.#lineUp();
  }

  release() {
    if (!this.#held) return;
    this.#held = false;
    this.#rest();
  }

  #rest() {
    this.#draw();
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#held || this.#steady || this.#shown || this.stop(), LINGER_MS);
  }

  async toggleSteady() {
    if (this.#alone()) return;
    this.#steady = !this.#steady;
    this.#rest();
    if (this.#steady) await this.#lineUp();
  }

  async toggleCamera() {
    if (this.#alone()) return undefined;
    if (this.#shown) return this.stop();
    try {
      const stream = await devices.openCamera(USUAL.proctor);
      if (!this.#open) return devices.stop(stream);
      this.#shown = this.#steady = true;
      $("#own-video").srcObject = stream;
      this.#start(stream);
    } catch (error) {
      this.onProblem(error);
    }
    return undefined;
  }

  stop() {
    this.#shown = this.#steady = this.#held = false;
    this.#publisher.stop();
    this.#draw();
  }

  async #lineUp() {
    if (this.#publisher.onAir) return;
    try {
      this.#opening ??= devices.openMicrophone();
      const stream = await this.#opening;
      // the session may have ended while the browser asked for the microphone
      if (!this.#open) devices.stop(stream);
      else if (!this.#publisher.onAir) this.#start(stream);
    } catch (error) {
      this.#held = this.#steady = false;
      this.#draw();
      this.onProblem(error);
    } finally {
      this.#opening = null;
    }
  }

  #start(stream) {
    this.#publisher.start(stream);
    this.#draw();
  }

  #changed(state, problem) {
    if (state === "ended") this.#shown = this.#steady = this.#held = false;
    this.#draw();
    if (problem && problem.code !== "offline") this.onProblem(problem);
  }

  #draw() {
    const heard = this.#held || this.#steady;
    this.#publisher.enable("audio", heard);
    const { state } = this.#publisher;
    const live = state === "live";
    const words = {
      connecting: t("Connecting…"),
      retrying: t("Reconnecting…"),
      ended: this.#publisher.stream ? t("Your camera or microphone was taken away") : null,
    };
    if (live) words.live = this.#liveWord(heard);
    $("#own-chip").dataset.state = live && !heard && !this.#shown ? "off" : state;
    setText($("#own-chip"), words[state] ?? t("The candidate neither sees nor hears you"));
    $("#own-camera").setAttribute("aria-pressed", String(this.#shown));
    setIcon($("#own-camera"), this.#shown ? "video-off" : "video");
    setText($("#own-camera span"), this.#shown ? t("Stop showing yourself") : t("Show yourself"));
    $("#own-mic").setAttribute("aria-pressed", String(this.#steady));
    setIcon($("#own-mic"), this.#steady ? "mic" : "mic-off");
    $("#own-talk").dataset.held = String(this.#held);
    setText($("#own-talk span"), this.#held && live ? t("Speak now") : t("Hold to talk"));
    show($("#own-video"), this.#shown);
    if (!this.#shown) $("#own-video").srcObject = null;
  }

  #liveWord(heard) {
    if (this.#shown) return heard ? t("The candidate sees and hears you") : t("The candidate sees you");
    return heard ? t("The candidate hears you") : null;
  }
}
