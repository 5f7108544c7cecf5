// The equipment check: seven checks, each with a result and what to do about it.

import { post } from "../lib/api.js";
import { $, $$, h, icon, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import * as devices from "./devices.js";
import { LevelMeter } from "./level-meter.js";
import { roundTrip, uplink } from "./probe.js";
import { USUAL, partOf } from "./sending.js";
import { send } from "./whip.js";

const HEARD = 0.28;
const LISTEN_MS = 12_000;
const CONNECTION_MS = 2500;
const SLOW_TRIP_MS = 400;
// a line that is full to the brim delays everything
const RESERVE = 1.3;
// low-bandwidth mode, with its reserve
const LEAST_KBIT = 260;

const MARKS = { pass: "circle-check", warn: "triangle-alert", fail: "circle-x", running: "loader-circle" };
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class EquipmentCheck {
  #results = new Map();
  #meter = new LevelMeter((level) => ($("#eq-level").value = level));

  /** `wanted` is what the exam wants sent; `onUplink(enough)` hears whether the line carries it. */
  constructor({ needsScreen = true, wanted = USUAL, onChange, onUplink } = {}) {
    this.root = $("#equipment");
    this.needsScreen = needsScreen;
    this.needsMicrophone = wanted.microphone_kbit !== null;
    this.wanted = wanted;
    this.onUplink = onUplink;
    this.onChange = onChange;
    this.camera = null;
    this.screen = null;
    $("#eq-start").addEventListener("click", () => this.run());
    $("#eq-share").addEventListener("click", () => this.#step("screen"));
    for (const row of $$("[data-check]", this.root)) {
      const name = row.dataset.check;
      // the screen's own button stays; a press is what its picker needs
      $("[data-retry]", row).addEventListener("click", () => this.#step(name));
      if (!this.#needs(name)) show(row, false);
    }
    for (const [id, kind] of [["#eq-camera-choice", "camera"], ["#eq-microphone-choice", "microphone"]]) {
      $(id).addEventListener("change", (event) => {
        devices.remember(kind, event.target.value);
        this.#step("camera").then(() => this.needsMicrophone && this.#step("microphone"));
      });
    }
  }

  get names() {
    return $$("[data-check]", this.root)
      .map((row) => row.dataset.check)
      .filter((name) => this.#needs(name));
  }

  #needs(name) {
    return { screen: this.needsScreen, microphone: this.needsMicrophone }[name] ?? true;
  }

  get results() {
    return this.names
      .filter((name) => this.#results.has(name))
      .map((name) => ({ name, ok: this.#results.get(name).state !== "fail", detail: this.#results.get(name).detail }));
  }

  get complete() {
    return this.names.every((name) => ["pass", "warn", "fail"].includes(this.#results.get(name)?.state));
  }

  get ok() {
    return this.complete && this.results.every((result) => result.ok);
  }

  #set(name, state, detail) {
    this.#results.set(name, { state, detail });
    const row = $(`[data-check="${name}"]`, this.root);
    row.dataset.state = state;
    setText($("[data-detail]", row), detail);
    $("[data-mark]", row).replaceChildren(MARKS[state] ? icon(MARKS[state]) : "");
    const words = { pass: t("passed"), warn: t("passed with a remark"), fail: t("failed"), running: t("checking") };
    $("[data-mark]", row).append(h("span", { class: "visually-hidden" }, words[state] ?? ""));
    show($("[data-retry]", row), state === "fail" && name !== "screen");
    if (name === "screen") show($("#eq-share"), state !== "pass");
    this.#summarise();
  }

  #summarise() {
    const failed = this.results.filter((result) => !result.ok).length;
    const open = this.names.length - this.results.length;
    this.root.dataset.state = this.complete ? (failed ? "fail" : "pass") : this.#results.size ? "running" : "idle";
    let sentence = "";
    if (this.complete) sentence = failed ? t("{failed} not passed. Follow the advice and try again.", { failed }) : t("Everything works.");
    else if (this.#results.get("screen") === undefined && this.needsScreen && open === 1) sentence = t("Only the screen is left: press “Share screen”.");
    setText($("#eq-summary"), sentence);
    this.onChange?.(this);
  }

  async run() {
    $("#eq-start").setAttribute("aria-busy", "true");
    $("#eq-share").disabled = false;
    try {
      for (const name of ["browser", "camera"]) await this.#step(name);
      await Promise.all([
        this.needsMicrophone && this.#step("microphone"),
        this.#step("round_trip").then(() => this.#step("uplink")).then(() => this.#step("connection")),
      ]);
    } finally {
      $("#eq-start").removeAttribute("aria-busy");
      setText($("#eq-start"), t("Check again"));
    }
  }

  async #step(name) {
    if (this.#results.get(name)?.state === "running") return;
    this.#set(name, "running", t("Checking…"));
    try {
      const [state, detail] = await this[`check_${name}`]();
      this.#set(name, state, detail);
    } catch (error) {
      this.#set(name, "fail", error.message);
    }
  }

  async check_browser() {
    const has = devices.supported();
    if (!has.secure) return ["fail", t("The address is not secure (https), so the browser refuses the camera. Ask your institution for the right address.")];
    if (!has.devices || !has.rtc || !has.sockets) return ["fail", t("This browser is too old. Use a current Chrome, Edge or Firefox.")];
    if (!has.screen && this.needsScreen) return ["fail", t("This device cannot share its screen. Use a computer instead of a phone.")];
    return ["pass", t("Everything needed is there.")];
  }

  async check_camera() {
    devices.stop(this.camera);
    this.camera = await devices.openCamera(this.wanted.camera, { audio: this.needsMicrophone });
    const video = $("#eq-camera");
    video.srcObject = this.camera;
    this.#meter.start(this.camera);
    await this.#listDevices();
    const [track] = this.camera.getVideoTracks();
    const { width, height, frameRate } = track.getSettings();
    await wait(600);
    if (track.muted || !video.videoWidth) return ["warn", t("The camera gives no picture yet. Is its cover closed?")];
    return ["pass", t("{width} × {height}, {rate} pictures a second", { width, height, rate: Math.round(frameRate ?? 0) })];
  }

  async #listDevices() {
    const { cameras, microphones } = await devices.listDevices();
    const fill = (select, list, track) => {
      select.replaceChildren(...list.map((d) => h("option", { value: d.deviceId }, d.label || t("Unnamed device"))));
      select.value = track?.getSettings().deviceId ?? "";
    };
    fill($("#eq-camera-choice"), cameras, this.camera.getVideoTracks()[0]);
    fill($("#eq-microphone-choice"), microphones, this.camera.getAudioTracks()[0]);
    show($("#eq-microphone-choice").parentElement, this.needsMicrophone);
    show($("#eq-devices"));
  }

  async check_microphone() {
    if (!this.camera?.getAudioTracks().length) return ["fail", t("No microphone is in use. Allow it together with the camera and try again.")];
    this.#set("microphone", "running", t("Say a few words now…"));
    this.#meter.peak = 0;
    for (let waited = 0; waited < LISTEN_MS; waited += 200) {
      if (this.#meter.peak > HEARD) return ["pass", t("We hear you.")];
      await wait(200);
    }
    return ["fail", t("Nothing was heard. Check that the microphone is not muted, choose another one, and try again.")];
  }

  async check_screen() {
    devices.stop(this.screen);
    this.screen = await devices.openScreen(this.wanted.screen);
    $("#eq-screen").srcObject = this.screen;
    show($("#eq-screen-tile"));
    this.screen.getVideoTracks()[0].addEventListener("ended", () => {
      show($("#eq-screen-tile"), false);
      this.screen = null;
      this.#set("screen", "fail", t("Sharing was stopped. Share the screen again."));
    });
    if (devices.wholeScreen(this.screen) === false) {
      devices.stop(this.screen);
      this.screen = null;
      show($("#eq-screen-tile"), false);
      return ["fail", t("Only a window or tab was shared. Share the whole screen.")];
    }
    return ["pass", t("The whole screen is shared.")];
  }

  async check_round_trip() {
    this.ticket = await post("/tickets/check");
    try {
      const ms = Math.round(await roundTrip(this.ticket));
      if (ms > SLOW_TRIP_MS) return ["warn", t("{ms} ms: slow. Use a cable or move closer to the router.", { ms })];
      return ["pass", t("{ms} ms", { ms })];
    } catch {
      return ["fail", t("The media server cannot be reached. A firewall may block it; try another network.")];
    }
  }

  async check_uplink() {
    try {
      const kbit = await uplink(this.ticket ?? (await post("/tickets/check")));
      const rate = (kbit / 1000).toFixed(1);
      if (kbit < LEAST_KBIT) return ["fail", t("{rate} Mbit/s: too slow for camera and screen. Close other programs and try again.", { rate })];
      const enough = kbit >= this.#neededKbit;
      this.onUplink?.(enough);
      if (!enough) return ["warn", t("{rate} Mbit/s: too slow for good pictures. The exam can be sat in low-bandwidth mode.", { rate })];
      return ["pass", t("{rate} Mbit/s", { rate })];
    } catch {
      return ["fail", t("The upload could not be measured. Try another network.")];
    }
  }

  get #neededKbit() {
    const { camera, screen, microphone_kbit: sound } = this.wanted;
    return (camera.kbit + (this.needsScreen ? screen.kbit : 0) + (sound ?? 0)) * RESERVE;
  }

  async check_connection() {
    if (!this.camera) return ["fail", t("Needs the camera first.")];
    try {
      const issued = await post("/tickets/check");
      const { pc, end } = await send({ stream: this.camera, issued, sending: partOf(this.wanted, "camera") });
      await wait(CONNECTION_MS);
      let sent = 0;
      for (const stat of (await pc.getStats()).values()) if (stat.type === "outbound-rtp") sent += stat.packetsSent ?? 0;
      end();
      if (!sent) return ["fail", t("Connected, but nothing went out. Try again.")];
      return ["pass", t("Picture and sound arrive at the media server.")];
    } catch {
      return ["fail", t("No media connection. A firewall may block UDP; try another network.")];
    }
  }

  /** Give the streams away (to the sitting) or end them. */
  release({ keep = false } = {}) {
    this.#meter.stop();
    const streams = { camera: this.camera, screen: this.screen };
    if (!keep) Object.values(streams).forEach(devices.stop);
    this.camera = null;
    this.screen = null;
    return streams;
  }
}
