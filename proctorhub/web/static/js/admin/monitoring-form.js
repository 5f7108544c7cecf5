// What software looks for during an exam: one row per detector, and the names of forbidden applications.

import { get, put } from "../lib/api.js";
import { $, $$, h } from "../lib/dom.js";
import { detectorWord, severities, severityWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";

let rules = null;

/** The table of rules, asked for once. */
export async function table() {
  rules ??= (await get("/monitoring/rules")).items;
  return rules;
}

function row({ detector, weight, severity }, settings) {
  const name = detectorWord(detector);
  const id = `monitor-${detector}`;
  const chosen = settings.severity[detector] ?? "";
  return h(
    "tr",
    { data: { detector } },
    h("th", { scope: "row" }, h("div", { class: "form-check m-0" }, h("input", { class: "form-check-input", type: "checkbox", id, checked: !settings.off.includes(detector), data: { on: "" } }), h("label", { class: "form-check-label", for: id }, name))),
    h("td", {}, h("select", { class: "form-select form-select-sm", "aria-label": t("Severity of {what}", { what: name }), data: { severity: "" } }, h("option", { value: "" }, t("{severity} (usual)", { severity: severityWord(severity) })), ...severities.map((one) => h("option", { value: one, selected: one === chosen }, severityWord(one))))),
    h("td", {}, h("input", { class: "form-control form-control-sm", type: "number", min: "0", max: "100", placeholder: String(weight), value: String(settings.weights[detector] ?? ""), "aria-label": t("Weight of {what}", { what: name }), data: { weight: "" } })),
  );
}

const USUAL = { off: [], weights: {}, severity: {}, forbidden_applications: [] };

export class MonitoringForm {
  #before = USUAL;
  #filled = Promise.resolve();

  constructor(root) {
    this.root = root;
  }

  /** Show an exam's settings; without an id those of a new exam. */
  fill(examId) {
    this.#filled = this.#fill(examId);
    return this.#filled;
  }

  async #fill(examId) {
    const [all, settings] = await Promise.all([table(), examId ? get(`/exams/${examId}/monitoring`) : USUAL]);
    this.#before = settings;
    $("tbody", this.root).replaceChildren(...all.map((one) => row(one, settings)));
    $("[data-applications]", this.root).value = settings.forbidden_applications.join("\n");
  }

  read() {
    const read = { off: [], weights: {}, severity: {}, forbidden_applications: [] };
    for (const line of $$("tbody tr", this.root)) {
      const { detector } = line.dataset;
      if (!$("[data-on]", line).checked) read.off.push(detector);
      const weight = $("[data-weight]", line).value;
      if (weight !== "") read.weights[detector] = Number(weight);
      const severity = $("[data-severity]", line).value;
      if (severity) read.severity[detector] = severity;
    }
    read.off.sort();
    read.forbidden_applications = $("[data-applications]", this.root).value.split("\n").map((one) => one.trim()).filter(Boolean);
    return read;
  }

  /** Keep what changed; nothing is sent when nothing did. */
  async save(examId) {
    await this.#filled;
    const now = this.read();
    if (JSON.stringify(now) !== JSON.stringify({ ...this.#before, off: [...this.#before.off].sort() })) this.#before = await put(`/exams/${examId}/monitoring`, now);
  }
}
