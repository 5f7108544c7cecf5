// The time line: a lane per source with its holes, marks for events, a slider, and the list of events.

import * as clock from "../lib/clock.js";
import { $, $$, h, setText, show } from "../lib/dom.js";
import { detectorWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { causeWord, entryGroup, entryWord, sourceWord } from "../lib/words.js";
import { entryLine } from "./log-view.js";
import { goesOn } from "./why.js";

const MARKED = ["alert", "proof", "talk"];
const RULER_LABEL_PX = 80;
const RULER_STEPS_S = [5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600];
// a gap is noted when it ends, and is looked for where it began
const at = (entry) => (entry.kind === "gap.noted" && new Date(entry.data.started_at).getTime()) || Date.parse(entry.at);
const SHOWN = {
  main: (entry) => entryGroup(entry) !== "storage" && entryGroup(entry) !== "media",
  alert: (entry) => entryGroup(entry) === "alert",
  talk: (entry) => entryGroup(entry) === "talk",
  all: () => true,
};

export class Timeline {
  #events = [];
  #current = null;

  constructor({ from, to, sources, entries, incidents = [], onSeek }) {
    this.from = from;
    this.to = to;
    this.onSeek = onSeek;
    this.entries = entries;
    this.incidents = incidents;
    this.#lanes(sources);
    this.#ruler();
    const seek = $("#seek");
    seek.max = String(Math.max(1, Math.round(to - from)));
    seek.addEventListener("input", () => onSeek(Number(seek.value)));
    $("#event-filter").addEventListener("change", () => this.list());
    this.list();
  }

  #percent(ms) {
    return `${Math.min(100, Math.max(0, ((ms - this.from) / (this.to - this.from)) * 100))}%`;
  }

  #span(className, from, to, title) {
    const element = h("span", { class: className, title });
    element.style.left = this.#percent(from);
    element.style.width = `calc(${this.#percent(to)} - ${this.#percent(from)})`;
    return element;
  }

  #lanes(sources) {
    const names = [...new Set(sources.map((item) => item.source))];
    const lanes = names.map((name) => {
      const parts = sources.filter((item) => item.source === name);
      const { gaps = [], healed = [] } = parts[0];
      return h(
        "div",
        { class: "lane", data: { source: name } },
        h("span", { class: "lane-name" }, sourceWord(name)),
        h(
          "div",
          { class: "lane-track" },
          ...parts.map((part) => this.#span("lane-have", Date.parse(part.starts_at), Date.parse(part.ends_at))),
          ...healed.map((gap) => this.#span("lane-client", Date.parse(gap.started_at), Date.parse(gap.ended_at), t("From the candidate's computer"))),
          ...gaps.map((gap) => this.#span("lane-gap", Date.parse(gap.started_at), Date.parse(gap.ended_at), t("Missing: {cause}", { cause: causeWord(gap.cause) }))),
        ),
      );
    });
    const marks = h("div", { class: "lane-track lane-marks" });
    for (const entry of this.entries.filter((one) => MARKED.includes(entryGroup(one)))) {
      const mark = h("span", { class: "mark", title: `${entryWord(entry)} ${clock.second(entry.at)}`, data: { group: entryGroup(entry) } });
      mark.style.left = this.#percent(at(entry));
      mark.addEventListener("click", () => this.onSeek(at(entry) - this.from));
      marks.append(mark);
    }
    $("#lanes").replaceChildren(h("div", { class: "lane" }, h("span", { class: "lane-name" }), marks), ...this.#flags(), ...lanes, h("div", { class: "needle", id: "needle" }));
  }

  /** A lane of the incidents, each as long as it lasted. */
  #flags() {
    if (!this.incidents.length) return [];
    const spans = this.incidents.map((one) => {
      const from = Date.parse(one.started_at);
      const span = this.#span("lane-flag", from, goesOn(one) ? this.to : Date.parse(one.ended_at ?? one.started_at), `${detectorWord(one.detector)} ${clock.second(one.started_at)}`);
      span.dataset.severity = one.severity;
      span.addEventListener("click", () => this.onSeek(Math.max(0, from - this.from)));
      return span;
    });
    return [h("div", { class: "lane", data: { source: "flags" } }, h("span", { class: "lane-name" }, t("Flags")), h("div", { class: "lane-track" }, ...spans))];
  }

  #ruler() {
    const seconds = (this.to - this.from) / 1000;
    const most = Math.max(2, $("#ruler").clientWidth / RULER_LABEL_PX);
    const step = RULER_STEPS_S.find((size) => seconds / size <= most) ?? 7200;
    const ticks = [];
    for (let at = 0; at <= seconds; at += step) {
      const tick = h("span", {}, clock.duration(at));
      tick.style.left = this.#percent(this.from + at * 1000);
      ticks.push(tick);
    }
    $("#ruler").replaceChildren(...ticks);
  }

  list() {
    const test = SHOWN[$("#event-filter").value];
    this.#events = this.entries
      .filter(test)
      .sort((a, b) => at(a) - at(b))
      .map((entry) => {
        const line = entryLine(entry);
        const offset = at(entry) - this.from;
        const inside = offset >= -500 && at(entry) <= this.to + 500;
        const button = h("button", { type: "button", class: "event", disabled: !inside, data: { testid: "event" } }, ...line.childNodes);
        button.addEventListener("click", () => this.onSeek(Math.max(0, offset)));
        const item = h("li", { data: { group: line.dataset.group, kind: entry.kind } }, button);
        return { offset, item, inside };
      });
    $("#events").replaceChildren(...this.#events.map((event) => event.item));
    show($("#no-events"), !this.#events.length);
    this.#current = null;
  }

  /** The list, when there is nothing to seek in. */
  at(ms) {
    const seek = $("#seek");
    seek.value = String(Math.round(ms));
    seek.setAttribute("aria-valuetext", clock.duration(ms / 1000));
    setText($("#position"), `${clock.duration(ms / 1000)} / ${clock.duration((this.to - this.from) / 1000)}`);
    setText($("#position-time"), clock.second(this.from + ms));
    const needle = $("#needle");
    needle.style.setProperty("--at", String(ms / (this.to - this.from)));
    const current = this.#events.findLast((event) => event.inside && event.offset <= ms + 250) ?? null;
    if (current === this.#current) return;
    for (const item of $$("[aria-current]", $("#events"))) item.removeAttribute("aria-current");
    this.#current = current;
    if (!current) return;
    current.item.setAttribute("aria-current", "true");
    const list = $("#events");
    const top = current.item.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 60) list.scrollTop = top - list.clientHeight / 3;
  }

  /** Offset of the next (+1) or previous (−1) listed event. */
  neighbour(direction, ms) {
    const offsets = this.#events.filter((event) => event.inside).map((event) => Math.max(0, event.offset));
    if (direction > 0) return offsets.find((offset) => offset > ms + 300) ?? null;
    return offsets.findLast((offset) => offset < ms - 1200) ?? null;
  }
}
