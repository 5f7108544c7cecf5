// What is wrong with the recording now: said at once, shown with what to do until it is over.

import { announce } from "../lib/announce.js";
import { alarmAdvice, alarmWord, alike } from "../lib/alarm-words.js";
import * as clock from "../lib/clock.js";
import { $, h, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";

const key = (alarm) => [alarm.part, alarm.reason, alarm.source, alarm.track].join(" ");

export class Alarms {
  #known = "";
  #since = [];

  constructor(root) {
    this.root = root;
    setInterval(() => this.#tick(), 1000);
  }

  session({ alarms }) {
    const now = alarms.map(key).sort().join("\n");
    if (now === this.#known) return;
    const groups = alike(alarms);
    const said = new Set(this.#known.split("\n"));
    const news = groups.filter((group) => group.some((alarm) => !said.has(key(alarm))));
    this.#known = now;
    show(this.root, groups.length > 0);
    this.#since = [];
    $("ul", this.root).replaceChildren(...groups.map((group) => this.#line(group)));
    this.#tick();
    if (news.length) announce(news.flatMap((group) => [alarmWord(...group), alarmAdvice(group[0])]).join(" "));
    else if (!groups.length) announce(t("The recording is in order again."));
  }

  #line(group) {
    const [{ part, reason }] = group;
    const age = h("span", { class: "num soft" });
    this.#since.push([age, Math.min(...group.map((alarm) => Date.parse(alarm.since)))]);
    return h("li", { data: { part, reason, testid: "alarm" } }, h("strong", {}, alarmWord(...group)), " ", h("span", {}, alarmAdvice(group[0])), " ", age);
  }

  #tick() {
    for (const [place, since] of this.#since) setText(place, t("for {time}", { time: clock.duration(Math.max(0, clock.now() - since) / 1000) }));
  }
}
