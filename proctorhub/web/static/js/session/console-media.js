// The proctor's side of the media: the candidate's camera and screen, and the proctor's own camera.

import { $, $$, setIcon, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { sourceWord } from "../lib/words.js";
import * as devices from "../media/devices.js";
import { Publisher } from "../media/publisher.js";
import { Viewer } from "../media/viewer.js";

const WATCHED = ["camera", "screen"];

export class ConsoleMedia {
  #viewers = {};
  #publisher;
  #open = false;

  constructor({ sessionId, onProblem }) {
    this.onProblem = onProblem;
    for (const source of WATCHED) {
      this.#viewers[source] = new Viewer({
        sessionId,
        source,
        video: $(`#${source}-video`),
        onState: (state) => this.#watched(source, state),
      });
    }
    this.#publisher = new Publisher({ sessionId, source: "proctor", onState: (state, problem) => this.#own(state, problem) });
    $("#sound").addEventListener("click", () => this.toggleSound());
    $("#own-camera").addEventListener("click", () => this.toggleCamera());
    $("#own-mic").addEventListener("click", () => this.toggleMicrophone());
    for (const button of $$("[data-large]")) button.addEventListener("click", () => this.toggleLarge(button.dataset.large));
    $("#camera-video").addEventListener("volumechange", () => this.#sound());
  }

  /** Watch what the session says is there. */
  open(sources = {}) {
    this.#open = true;
    for (const [source, viewer] of Object.entries(this.#viewers)) viewer.follow(sources[source]);
  }

  close() {
    if (!this.#open) return;
    this.#open = false;
    for (const viewer of Object.values(this.#viewers)) viewer.stop();
    this.#publisher.stop();
    this.#own("off");
  }

  /** A source came or changed at the media node. */
  came(source) {
    this.#viewers[source]?.nudge();
  }

  #watched(source, state) {
    const tile = $(`.live-tile[data-source="${source}"]`);
    const chip = $("[data-chip]", tile);
    chip.dataset.state = state === "absent" ? "off" : state;
    const name = sourceWord(source);
    const words = {
      live: name,
      frozen: t("{source}: no new pictures", { source: name }),
      connecting: t("{source}: connecting…", { source: name }),
      retrying: t("{source}: reconnecting…", { source: name }),
    };
    setText(chip, words[state] ?? name);
    tile.dataset.state = state;
    show($("video", tile), ["live", "frozen"].includes(state));
    setText($("[data-why]", tile), state === "retrying" ? t("Connection lost, trying again") : t("The candidate is not sending this now"));
    for (const button of $$("[data-note-still]", tile)) button.disabled = !["live", "frozen"].includes(state);
  }

  toggleSound() {
    const video = $("#camera-video");
    video.muted = !video.muted;
    video.play().catch(() => {});
  }

  #sound() {
    const on = !$("#camera-video").muted;
    $("#sound").setAttribute("aria-pressed", String(on));
    setIcon($("#sound"), on ? "volume-2" : "volume-x");
    setText($("#sound span"), on ? t("Sound on") : t("Sound off"));
  }

  toggleLarge(source) {
    const now = $("#media").dataset.large === source ? "" : source;
    $("#media").dataset.large = now;
    for (const button of $$("[data-large]")) {
      if (button.matches("button")) button.setAttribute("aria-pressed", String(button.dataset.large === now));
    }
  }

  async toggleCamera() {
    if (this.#publisher.onAir) {
      this.#publisher.stop();
      this.#own("off");
      return;
    }
    try {
      const stream = await devices.openCamera();
      $("#own-video").srcObject = stream;
      this.#publisher.start(stream);
      $("#own-mic").setAttribute("aria-pressed", "true");
    } catch (error) {
      this.onProblem(error);
    }
  }

  toggleMicrophone() {
    if (!this.#publisher.onAir) return;
    const on = $("#own-mic").getAttribute("aria-pressed") !== "true";
    this.#publisher.enable("audio", on);
    $("#own-mic").setAttribute("aria-pressed", String(on));
    setIcon($("#own-mic"), on ? "mic" : "mic-off");
    setText($("#own-mic span"), on ? t("Microphone") : t("Muted"));
  }

  #own(state, problem) {
    const on = !["off", "ended"].includes(state);
    const words = {
      live: t("The candidate sees and hears you"),
      connecting: t("Connecting…"),
      retrying: t("Reconnecting…"),
      ended: t("Your camera was taken away"),
    };
    $("#own-chip").dataset.state = state;
    setText($("#own-chip"), words[state] ?? t("The candidate does not see you"));
    $("#own-camera").setAttribute("aria-pressed", String(on));
    setIcon($("#own-camera"), on ? "video-off" : "video");
    setText($("#own-camera span"), on ? t("Stop showing yourself") : t("Show yourself"));
    show($("#own-mic"), on);
    if (!on) $("#own-video").srcObject = null;
    if (problem && problem.code !== "offline") this.onProblem(problem);
  }
}
