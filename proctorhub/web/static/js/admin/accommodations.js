// Accommodations of one exam: for one candidate some detectors are off, or less strict. The reason stays here.

import { get, items, put } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { open } from "../lib/dialog.js";
import { $, $$, busy, h, say, show } from "../lib/dom.js";
import { detectorWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { table } from "./monitoring-form.js";

const FACTORS = [1.5, 2, 3, 5];

export class Accommodations {
  #exam = null;
  #known = [];

  constructor(dialog) {
    this.dialog = dialog;
    this.form = $("form", dialog);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      busy(event.submitter, () => this.#save());
    });
    $("[name=candidate]", dialog).addEventListener("change", () => this.#draw());
  }

  /** `candidates` are those who may sit the exam. */
  async open(exam, candidates) {
    this.#exam = exam;
    say($("[role=alert]", this.dialog), "");
    $("[name=candidate]", this.dialog).replaceChildren(h("option", { value: "" }, t("Choose a candidate")), ...candidates.map((one) => h("option", { value: one.id }, one.name)));
    open(this.dialog);
    this.#known = items(await get(`/exams/${exam.id}/accommodations`));
    await this.#draw();
  }

  async #draw() {
    const chosen = $("[name=candidate]", this.dialog).value;
    const now = this.#known.find((one) => one.candidate.id === chosen) ?? { off: [], relaxed: {}, reason: "" };
    const list = $("[data-known]", this.dialog);
    list.replaceChildren(...this.#known.map((one) => this.#line(one)));
    show(list, this.#known.length > 0);
    show($("[data-what]", this.dialog), Boolean(chosen));
    $("[name=reason]", this.dialog).value = now.reason;
    $("tbody", this.dialog).replaceChildren(...(await table()).map(({ detector }) => this.#row(detector, now)));
  }

  #line({ candidate, off, relaxed }) {
    const parts = [...off.map((one) => t("{what}: off", { what: detectorWord(one) })), ...Object.entries(relaxed).map(([one, factor]) => `${detectorWord(one)} ×${factor}`)];
    const button = h("button", { type: "button", class: "btn btn-bare btn-sm" }, candidate.name);
    button.addEventListener("click", () => {
      $("[name=candidate]", this.dialog).value = candidate.id;
      this.#draw();
    });
    return h("li", {}, button, " ", h("span", { class: "soft small" }, parts.join(", ")));
  }

  #row(detector, { off, relaxed }) {
    const value = off.includes(detector) ? "off" : String(relaxed[detector] ?? "");
    const choices = [["", t("as for everybody")], ...FACTORS.map((factor) => [String(factor), t("must last {factor} times as long", { factor })]), ["off", t("off")]];
    if (!choices.some(([one]) => one === value)) choices.splice(-1, 0, [value, t("must last {factor} times as long", { factor: value })]);
    return h("tr", {}, h("th", { scope: "row" }, detectorWord(detector)), h("td", {}, h("select", { class: "form-select form-select-sm", "aria-label": detectorWord(detector), data: { detector } }, ...choices.map(([one, text]) => h("option", { value: one, selected: one === value }, text)))));
  }

  async #save() {
    const chosen = $("[name=candidate]", this.dialog).value;
    if (!chosen) return;
    const wanted = { off: [], relaxed: {}, reason: $("[name=reason]", this.dialog).value.trim() };
    for (const { value, dataset } of $$("tbody select", this.dialog)) {
      if (value === "off") wanted.off.push(dataset.detector);
      else if (value) wanted.relaxed[dataset.detector] = Number(value);
    }
    try {
      this.#known = items(await put(`/exams/${this.#exam.id}/accommodations/${chosen}`, wanted));
      say($("[role=alert]", this.dialog), "");
      announce(t("Saved."));
      await this.#draw();
    } catch (error) {
      say($("[role=alert]", this.dialog), error.message);
    }
  }
}
