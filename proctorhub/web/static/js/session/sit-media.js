// The candidate's side of the media: own camera and screen on air, the proctor on the small tile.

import { $, $$, busy, say, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { Backfill } from "../media/backfill.js";
import * as devices from "../media/devices.js";
import { LevelMeter } from "../media/level-meter.js";
import { Publisher } from "../media/publisher.js";
import { sendRest } from "../media/leftover.js";
import { Ring } from "../media/ring.js";
import { forget } from "../media/ring-store.js";
import { partOf, tight } from "../media/sending.js";
import { Viewer } from "../media/viewer.js";

const PATIENCE_MS = 2500;

const chipWords = (source, state) =>
  ({
    live: t("{source} on", { source }),
    connecting: t("{source}: connecting…", { source }),
    retrying: t("{source}: reconnecting…", { source }),
  })[state] ?? t("{source} off", { source });

export class SitMedia {
  #publishers = {};
  #troubleSince = 0;
  #trouble = 0;
  #problem = null;
  #meter = new LevelMeter((level) => ($("#own-level").value = level));
  #open = false;
  #ring;
  #backfill;
  #wanted;
  #tight = false;

  /**
   * `wanted` is what the session says is to be sent; `onLine(kbit)` hears what the camera's line carries;
   * `onRefused()` is called when a source is not taken as the session stands; `onRest(state)` hears at the end
   * how sending the rest goes.
   */
  constructor({ sessionId, needsScreen, wanted, onChange, onLine, onRefused, onRest }) {
    this.needsScreen = needsScreen;
    this.onChange = onChange;
    this.onRefused = onRefused;
    this.onRest = onRest;
    this.#wanted = wanted;
    for (const source of ["camera", "screen"]) {
      this.#publishers[source] = new Publisher({
        sessionId,
        source,
        sending: partOf(wanted, source),
        onState: (state, problem) => this.#changed(source, state, problem),
        onStats: ({ available }) => source === "camera" && this.#carries(available, onLine),
      });
    }
    // another exam's leftovers go when this one begins
    forget((id) => id !== sessionId);
    this.#ring = new Ring(sessionId, (keeping) => ($("#dock").dataset.keeping = String(keeping)));
    this.#backfill = new Backfill({ sessionId, ring: this.#ring, onAir: () => !this.#open || this.complete, tight: () => this.#tight });
    show($("#screen-tile"), needsScreen);
    this.viewer = new Viewer({
      sessionId,
      source: "proctor",
      video: $("#proctor-video"),
      onState: (state) => this.#proctor(state),
    });
    for (const change of ["resize", "emptied"]) $("#proctor-video").addEventListener(change, () => this.#pictured());
    $("#proctor-sound").addEventListener("click", () => {
      $("#proctor-video").muted = false;
      show($("#proctor-sound"), false);
    });
    $("#media-fix").addEventListener("click", ({ currentTarget }) => busy(currentTarget, () => this.#fix(currentTarget.dataset.source)));
    this.#trouble = setInterval(() => this.#report(), 1000);
  }

  #carries(kbit, onLine) {
    this.#tight = kbit !== null && tight(kbit, this.#wanted.camera);
    onLine(kbit);
  }

  get state() {
    return { camera: this.#publishers.camera.state, screen: this.#publishers.screen.state };
  }

  get complete() {
    const { camera, screen } = this.state;
    return camera === "live" && (!this.needsScreen || screen === "live");
  }

  /** Take over what the equipment check opened, and show the proctor. */
  async open({ camera, screen, alone = true } = {}) {
    if (camera?.active) this.#send("camera", camera);
    if (screen?.active && this.needsScreen) this.#send("screen", screen);
    if (this.#open) return;
    this.#open = true;
    // after a reload the browser still allows the camera, so it comes back without a press
    if (alone && !this.#publishers.camera.onAir) await this.startCamera().catch((error) => this.#say(error));
  }

  async startCamera() {
    this.#send("camera", await devices.openCamera(this.#wanted.camera, { audio: this.#wanted.microphone_kbit !== null }));
  }

  /** Send this much from now on. */
  apply(wanted) {
    this.#wanted = wanted;
    for (const [source, publisher] of Object.entries(this.#publishers)) {
      publisher.apply(partOf(wanted, source));
      this.#ring.apply(source, partOf(wanted, source));
    }
  }

  async startScreen() {
    const stream = await devices.openScreen(this.#wanted.screen);
    if (devices.wholeScreen(stream) === false) {
      devices.stop(stream);
      throw new Error(t("Only a window or tab was shared. Share the whole screen."));
    }
    this.#send("screen", stream);
  }

  #send(source, stream) {
    $(`#${source}-video`).srcObject = stream;
    if (source === "camera") {
      for (const video of $$("[data-own-camera]")) video.srcObject = stream;
      this.#meter.start(stream);
    }
    this.#publishers[source].start(stream);
    this.#ring.keep(source, stream, partOf(this.#wanted, source));
  }

  #changed(source, state, problem) {
    const chip = $(`#${source}-chip`);
    chip.dataset.state = state;
    setText(chip, chipWords(source === "camera" ? t("Camera") : t("Screen"), state));
    if (["ended", "off"].includes(state)) {
      $(`#${source}-video`).srcObject = null;
      // what is said to be off is not recorded here either
      this.#ring.drop(source);
    }
    this.#problem = problem;
    this.onChange?.();
    if (problem?.status === 409) this.onRefused();
    this.#report();
  }

  #proctor(state) {
    const chip = $("#proctor-chip");
    const seen = ["live", "frozen"].includes(state);
    chip.dataset.state = state;
    setText(chip, seen ? t("Proctor") : t("Proctor: connecting…"));
    show(chip, !["off", "absent"].includes(state));
    this.#pictured();
    show($("#proctor-sound"), state === "live" && $("#proctor-video").muted);
  }

  /** A proctor who only speaks has no picture to show; hidden, the sound goes on. */
  #pictured() {
    const seen = ["live", "frozen"].includes(this.viewer?.state) && $("#proctor-video").videoWidth > 0;
    show($("#proctor-video"), seen);
  }

  proctorCame() {
    this.viewer.nudge();
  }

  gapNoted() {
    this.#backfill.noted();
  }

  #say(error) {
    this.#problem = error;
    this.#report();
  }

  async #fix(source) {
    try {
      await (source === "camera" ? this.startCamera() : this.startScreen());
    } catch (error) {
      say($("#media-problem"), error.message);
    }
  }

  /** Whether and how to tell the candidate that something is not on air. */
  #report() {
    const box = $("#media-problem");
    if (!this.#open || !this.watching) return say(box, "");
    const button = $("#media-fix");
    const off = (state) => ["off", "ended"].includes(state);
    const { camera, screen } = this.state;
    if (off(camera)) {
      const why = this.#problem instanceof devices.DeviceProblem ? ` ${this.#problem.message}` : "";
      this.#tell(box, t("Your camera and microphone are off. Switch them on.") + why, "camera", t("Switch on"));
    } else if (this.needsScreen && off(screen)) {
      this.#tell(box, t("Your screen is not shared. Share it to go on."), "screen", t("Share screen"));
    } else if (camera === "live" && (!this.needsScreen || screen === "live")) {
      this.#troubleSince = 0;
      say(box, "");
    } else {
      this.#troubleSince ||= performance.now();
      if (performance.now() - this.#troubleSince < PATIENCE_MS) return undefined;
      show(button, false);
      say(box, t("The connection for camera and screen is interrupted. It is being restored by itself; go on with your exam."));
    }
    return undefined;
  }

  #tell(box, sentence, source, action) {
    const button = $("#media-fix");
    button.dataset.source = source;
    setText(button, action);
    show(button);
    say(box, sentence);
  }

  /** The session is over: everything off, and what is missing is sent. */
  close(finishedAt) {
    clearInterval(this.#trouble);
    this.#open = false;
    sendRest({ ring: this.#ring, backfill: this.#backfill, finishedAt, onState: this.onRest }).catch(reportError);
    this.viewer.stop();
    this.#meter.stop();
    for (const publisher of Object.values(this.#publishers)) publisher.stop();
    for (const video of [$("#camera-video"), $("#screen-video"), ...$$("[data-own-camera]")]) video.srcObject = null;
    say($("#media-problem"), "");
  }
}
