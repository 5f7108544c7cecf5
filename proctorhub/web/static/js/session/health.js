// Recording health per source: is it coming in, when was the last segment stored, what is missing.

import { alarmShort } from "../lib/alarm-words.js";
import * as clock from "../lib/clock.js";
import { $, h, icon, setText } from "../lib/dom.js";
import { Missing } from "../lib/missing.js";
import { t } from "../lib/t.js";
import { sourceWord } from "../lib/words.js";

const LATE_S = 20;
// rounded down: what is not whole is never called whole
const percent = (share) => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;

export class Health {
  #sources = new Map();

  constructor(list) {
    this.list = list;
    setInterval(() => this.#draw(), 1000);
  }

  #of(source) {
    if (!this.#sources.has(source)) {
      const row = h(
        "li",
        { data: { source, state: "off" } },
        h("span", { class: "health-light" }),
        h("strong", {}, sourceWord(source)),
        h("span", { class: "health-now", data: { now: "" } }),
        h("span", { class: "health-gaps", data: { gaps: "" } }),
      );
      this.#sources.set(source, { row, segments: 0, lastAt: 0, firstAt: null, missing: new Missing(), state: null });
      this.list.append(row);
    }
    return this.#sources.get(source);
  }

  session({ sources, exam, alarms }) {
    for (const source of ["camera", ...(exam.rules?.require_screen === false ? [] : ["screen"])]) this.#of(source);
    for (const [source, status] of Object.entries(sources ?? {})) Object.assign(this.#of(source), { state: status.state, at: Date.parse(status.at) });
    for (const [source, item] of this.#sources) item.alarm = alarms.find((alarm) => alarm.source === source && alarm.part !== "track");
    this.#draw();
  }

  entry({ kind, data, at }) {
    if (kind === "segment.stored") {
      const item = this.#of(data.source);
      item.segments += 1;
      item.lastAt = Math.max(item.lastAt, Date.parse(at));
    }
    if (kind === "source.opened") this.#of(data.source).firstAt ??= Date.parse(at);
    if (["gap.noted", "segment.backfilled"].includes(kind)) this.#of(data.source).missing.entry({ kind, data });
  }

  #draw() {
    for (const item of this.#sources.values()) {
      const ago = item.lastAt ? Math.round((clock.now() - item.lastAt) / 1000) : null;
      const since = Math.round((clock.now() - (item.at ?? clock.now())) / 1000);
      const late = item.state === "live" && (ago ?? since) > LATE_S && since > LATE_S;
      const wrong = late || item.alarm;
      item.row.dataset.state = item.state === "live" ? (wrong ? "late" : "live") : (item.state ?? "off");
      const words = {
        live: ago === null ? t("coming in") : t("stored {ago} s ago", { ago }),
        late: item.alarm ? alarmShort(item.alarm) : t("nothing stored for {ago} s", { ago: ago ?? since }),
        silent: t("silent"),
        closed: t("closed"),
        off: t("not there yet"),
      };
      setText($("[data-now]", item.row), words[item.row.dataset.state]);
      const gaps = $("[data-gaps]", item.row);
      const { spans, ms } = item.missing;
      const part = percent(1 - ms / Math.max(1, clock.now() - (item.firstAt ?? 0)));
      const facts = { part, gaps: spans.length, time: clock.duration(ms / 1000) };
      const text = spans.length ? t("{part}, gaps: {gaps}, {time}", facts) : item.segments ? t("100 %, no gaps") : "";
      if (gaps.textContent.trim() !== text) gaps.replaceChildren(spans.length ? icon("triangle-alert") : "", text);
    }
  }
}
