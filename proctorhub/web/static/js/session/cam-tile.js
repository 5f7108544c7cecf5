// One candidate in the grid: still, name, state, time left, connection, flags, last line of chat.

import { alarmShort, alike } from "../lib/alarm-words.js";
import * as clock from "../lib/clock.js";
import { h, icon, setText, show } from "../lib/dom.js";
import { detectorWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { lowWord, sourceWord, stateBadge } from "../lib/words.js";
import { lights } from "./lights.js";

const OLD_MS = 15_000;
const GAP_MS = 1000;
const MOST_FLAGS = 3;
const SITTING = ["admitted", "running", "paused"];

/** What is to be looked at, worst first: [{level: "bad"|"warn", text}]. */
export function flagsOf({ session, gaps, gap_ms: gapMs, incidents = [], silent = [] }) {
  const found = [];
  const grave = (severity) => incidents.filter((one) => one.severity === severity).map((one) => detectorWord(one.detector));
  const often = (words, word) => words.filter((one) => one === word).length;
  const named = (level, words) => [...new Set(words)].map((word) => ({ level, text: often(words, word) > 1 ? `${word} ×${often(words, word)}` : word }));
  found.push(...named("bad", grave("high")));
  for (const source of ["camera", ...(session.exam.rules?.require_screen === false ? [] : ["screen"])]) {
    const state = session.sources?.[source]?.state;
    const name = { source: sourceWord(source) };
    if (state === "silent") found.push({ level: "bad", text: t("{source} silent", name) });
    else if (state === "closed") found.push({ level: "bad", text: t("{source} lost", name) });
    else if (!state && SITTING.includes(session.state)) found.push({ level: "bad", text: t("{source} missing", name) });
  }
  const beyond = (session.alarms ?? []).filter((alarm) => alarm.part !== "track");
  for (const group of alike(beyond)) found.push({ level: "bad", text: alarmShort(...group) });
  if (silent.length) found.push({ level: "bad", text: t("Nobody looks: {count}", { count: silent.length }) });
  found.push(...named("warn", grave("medium")));
  if (session.warnings) found.push({ level: "warn", text: t("Warnings: {count}", { count: session.warnings }) });
  if (gaps && gapMs >= GAP_MS) found.push({ level: "warn", text: t("Gaps: {count}, {time}", { count: gaps, time: clock.duration(gapMs / 1000) }) });
  return found;
}

export class CamTile {
  #image = h("img", { alt: "", hidden: true, width: "320", height: "240" });
  #why = h("span");
  #age = h("span", { class: "cam-age num", hidden: true });
  #flags = h("span", { class: "cam-flags" });
  #left = h("span", { class: "end num" });
  #facts = h("span", { class: "cam-facts" });
  #chat = h("span", { class: "cam-chat", hidden: true });
  #name = h("span", { class: "cam-name" });
  #at = 0;

  constructor(id) {
    this.link = h(
      "a",
      { class: "cam-link", href: `/desk/${id}`, data: { testid: "cam" } },
      // read aloud in this order; the spaces keep the words apart
      h("span", { class: "tile", data: { shape: "4x3" } }, this.#image, h("span", { class: "tile-bar" }, this.#name, " ", this.#left), " ", this.#flags, " ", h("span", { class: "tile-empty" }, icon("video-off", "icon-xl"), this.#why), " ", this.#age),
      " ",
      this.#facts,
      " ",
      this.#chat,
    );
    this.link.tabIndex = -1;
    this.element = h("li", { class: "cam", data: { id } }, this.link);
  }

  show(item) {
    this.item = item;
    const { session, chat } = item;
    this.flags = flagsOf(item);
    this.level = this.flags[0]?.level ?? "";
    Object.assign(this.element.dataset, { state: session.state, flag: this.level });
    setText(this.#name, session.candidate.name);
    const badge = ({ level, text }) => h("span", { class: `badge-state tone-${level}` }, text);
    const rest = this.flags.length - MOST_FLAGS;
    // more would cover the face; the console has all of them
    const shown = rest > 1 ? [...this.flags.slice(0, MOST_FLAGS), { level: this.flags[MOST_FLAGS].level, text: `+${rest}` }] : this.flags;
    this.#flags.replaceChildren(...shown.flatMap((flag) => [badge(flag), " "]));
    const low = session.media?.low_bandwidth ? h("span", { class: "badge-state tone-info" }, lowWord(session.media)) : "";
    this.#facts.replaceChildren(stateBadge(session.state), " ", lights(session), " ", low);
    this.#chat.dataset.asked = String(chat?.actor?.role === "candidate");
    this.#chat.replaceChildren(icon("message-square"), chat ? h("span", {}, chat.data.text) : "");
    show(this.#chat, Boolean(chat));
    if (!this.expectsPicture) this.lost();
    this.tick();
  }

  get expectsPicture() {
    return ["live", "silent"].includes(this.item.session.sources?.camera?.state);
  }

  picture({ blob, at, segment }) {
    const before = this.#image.src;
    this.#image.src = URL.createObjectURL(blob);
    if (before) URL.revokeObjectURL(before);
    this.#at = at || clock.now();
    Object.assign(this.element.dataset, { frameAt: String(this.#at), segment: segment ?? "" });
    show(this.#image);
    this.tick();
  }

  /** There is no picture now; one that was there stays, with its age, while the camera may come back. */
  lost() {
    if (!this.expectsPicture) show(this.#image, false);
    setText(this.#why, this.expectsPicture ? t("Waiting for a picture") : t("No camera"));
  }

  tick() {
    const { session } = this.item;
    const sitting = ["running", "paused"].includes(session.state);
    setText(this.#left, sitting ? clock.duration(clock.secondsLeft(session)) : "");
    this.element.dataset.picture = String(!this.#image.hidden);
    const age = clock.now() - this.#at;
    const old = !this.#image.hidden && age > OLD_MS;
    show(this.#age, old);
    this.element.dataset.old = String(old);
    if (old) setText(this.#age, t("{ago} s old", { ago: Math.round(age / 1000) }));
  }

  remove() {
    if (this.#image.src) URL.revokeObjectURL(this.#image.src);
    this.element.remove();
  }
}
