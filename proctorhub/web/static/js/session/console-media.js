// The proctor's side of the media: the candidate's camera, screen and sound, and the own voice.

import { $, $$, setIcon, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { sourceWord } from "../lib/words.js";
import { Viewer } from "../media/viewer.js";
import { Talk } from "./talk.js";

const WATCHED = ["camera", "screen"];
const SOUND_KEPT = "console-sound";

export class ConsoleMedia {
  #viewers = {};
  #open = false;

  constructor({ sessionId, onProblem }) {
    for (const source of WATCHED) {
      this.#viewers[source] = new Viewer({
        sessionId,
        source,
        video: $(`#${source}-video`),
        onState: (state) => this.#watched(source, state),
      });
    }
    this.talk = new Talk({ sessionId, onProblem });
    $("#sound").addEventListener("click", () => this.toggleSound());
    for (const button of $$("[data-large]")) button.addEventListener("click", () => this.toggleLarge(button.dataset.large));
    $("#camera-video").addEventListener("volumechange", () => this.#sound());
    // a browser that wants a press first starts without sound and says so by the switch
    $("#camera-video").muted = localStorage.getItem(SOUND_KEPT) !== "on";
    this.#sound();
  }

  /** Watch what the session says is there. */
  open(sources = {}) {
    this.#open = this.talk.open = true;
    for (const [source, viewer] of Object.entries(this.#viewers)) viewer.follow(sources[source]);
  }

  close() {
    if (!this.#open) return;
    this.#open = this.talk.open = false;
    for (const viewer of Object.values(this.#viewers)) viewer.stop();
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
    localStorage.setItem(SOUND_KEPT, video.muted ? "off" : "on");
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
}
