// Exams: the list, and one dialog for a new or an existing one.

import { Accommodations } from "../admin/accommodations.js";
import { MonitoringForm } from "../admin/monitoring-form.js";
import { del, get, items, patch, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { ask } from "../lib/dialog.js";
import { $, $$, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";
import { tierWord } from "../lib/words.js";
import { USUAL } from "../media/sending.js";

const dialog = $("#exam-dialog");
const DAY_MS = 86_400_000;
const SENT = ["camera", "screen"];
const PICKED = { candidates: "candidate", proctors: "proctor" };
const monitoring = new MonitoringForm($("#monitoring"));
const accommodations = new Accommodations($("#accommodations-dialog"));
const people = { candidates: [], proctors: [] };

const total = (counts) => (typeof counts === "object" && counts ? Object.values(counts).reduce((a, b) => a + b, 0) : (counts ?? 0));

const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: (a, b) => b.opens_at.localeCompare(a.opens_at),
  columns: [
    { label: t("Title"), sort: (e) => e.title.toLowerCase(), cell: (e) => h("strong", {}, e.title) },
    { label: t("Window"), sort: (e) => e.opens_at, cell: (e) => [clock.moment(e.opens_at), h("span", { class: "sub" }, t("to {when}", { when: clock.moment(e.closes_at) }))] },
    { label: t("Duration"), cell: (e) => t("{minutes} minutes", { minutes: e.duration_min }) },
    { label: t("Proctoring"), cell: (e) => [tierWord(e.tier), h("span", { class: "sub" }, e.open ? t("without booking") : t("with booking"))] },
    { label: t("Who"), cell: (e) => (e.candidates?.length ? t("{count} candidates", { count: e.candidates.length }) : t("everyone")) },
    { label: t("Sessions"), cell: (e) => String(total(e.session_counts)) },
    {
      end: true,
      cell(exam) {
        const button = h("button", { class: "btn btn-sm btn-quiet", type: "button", data: { testid: "edit-exam" } }, t("Edit"), h("span", { class: "visually-hidden" }, exam.title));
        button.addEventListener("click", () => edit(rows.get(exam.id)));
        return button;
      },
    },
  ],
});

const local = (value) => {
  const d = new Date(value);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};
const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function blank() {
  const opens = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
  return {
    title: "", opens_at: opens, closes_at: opens + 7 * DAY_MS, duration_min: 90, tier: "ai_human", open: false, url: "", candidates: [], proctors: [],
    rules: { allowed: [], forbidden: [], instructions: "", require_screen: true, require_microphone: true },
    identity: { software: false, enrolment: false },
    media: { camera: USUAL.camera, screen: USUAL.screen, microphone_kbit: USUAL.microphone_kbit, low_bandwidth: false },
  };
}

function fill(form, exam) {
  const { elements } = form;
  const rules = exam.rules ?? {};
  for (const name of ["title", "duration_min", "tier"]) elements[name].value = exam[name];
  elements.url.value = exam.url ?? "";
  for (const name of ["opens_at", "closes_at"]) elements[name].value = local(exam[name]);
  elements.open.checked = exam.open;
  for (const name of ["allowed", "forbidden"]) elements[name].value = (rules[name] ?? []).join("\n");
  elements.instructions.value = rules.instructions ?? "";
  for (const name of ["require_screen", "require_microphone"]) elements[name].checked = rules[name] !== false;
  for (const name of ["software", "enrolment"]) elements[`identity_${name}`].checked = exam.identity[name];
  fillMedia(elements, exam.media);
  for (const name of Object.keys(PICKED)) pickList(name, exam[name] ?? []);
}

function fillMedia(elements, media) {
  for (const source of SENT) {
    const { width, height, frame_rate: rate, kbit, codec } = media[source];
    const size = elements[`${source}_size`];
    const value = `${width}x${height}`;
    // a size that was set over the API
    if (![...size.options].some((option) => option.value === value)) size.append(h("option", { value }, `${width} × ${height}`));
    size.value = value;
    elements[`${source}_rate`].value = rate;
    elements[`${source}_kbit`].value = kbit;
    elements[`${source}_codec`].value = codec;
  }
  elements.microphone_kbit.value = media.microphone_kbit;
  elements.low_bandwidth.checked = media.low_bandwidth;
}

function readMedia(data, elements) {
  const video = (source) => {
    const [width, height] = data.get(`${source}_size`).split("x").map(Number);
    return { width, height, frame_rate: Number(data.get(`${source}_rate`)), kbit: Number(data.get(`${source}_kbit`)), codec: data.get(`${source}_codec`) };
  };
  return {
    ...Object.fromEntries(SENT.map((source) => [source, video(source)])),
    microphone_kbit: Number(data.get("microphone_kbit")),
    low_bandwidth: elements.low_bandwidth.checked,
  };
}

function pickList(name, chosen) {
  document.getElementById(name).replaceChildren(
    ...people[name].map((user) =>
      h(
        "div",
        { class: "form-check" },
        h("input", { class: "form-check-input", type: "checkbox", name, value: user.id, id: `${name}-${user.id}`, checked: chosen.includes(user.id) }),
        h("label", { class: "form-check-label", for: `${name}-${user.id}` }, user.name, " ", h("span", { class: "soft small" }, user.login)),
      ),
    ),
  );
}

function read(data, form) {
  const { elements } = form;
  const when = (name) => {
    const value = new Date(data.get(name));
    return Number.isNaN(value.getTime()) ? null : value.toISOString();
  };
  return {
    title: data.get("title").trim(),
    opens_at: when("opens_at"),
    closes_at: when("closes_at"),
    duration_min: Number(data.get("duration_min")),
    tier: data.get("tier"),
    open: elements.open.checked,
    url: data.get("url").trim(),
    candidates: data.getAll("candidates"),
    proctors: data.getAll("proctors"),
    rules: {
      allowed: lines(data.get("allowed")),
      forbidden: lines(data.get("forbidden")),
      instructions: data.get("instructions").trim(),
      require_screen: elements.require_screen.checked,
      require_microphone: elements.require_microphone.checked,
    },
    identity: { software: elements.identity_software.checked, enrolment: elements.identity_enrolment.checked },
    media: readMedia(data, elements),
  };
}

/** What differs: the window of an exam that is booked cannot change, not even to the same value. */
function changes(exam, draft) {
  const same = (name, value) =>
    name.endsWith("_at") ? local(exam[name]) === local(value) : JSON.stringify(exam[name] ?? "") === JSON.stringify(value);
  return Object.fromEntries(Object.entries(draft).filter(([name, value]) => !same(name, value)));
}

async function edit(exam) {
  const fresh = !exam;
  setText($("#exam-title-head"), fresh ? t("New exam") : t("Edit exam"));
  const remove = $("#delete");
  show(remove, !fresh && !total(exam?.session_counts));
  remove.onclick = async () => {
    try {
      await del(`/exams/${exam.id}`);
      rows.remove(exam.id);
      dialog.close();
    } catch (error) {
      say($("[role=alert]", dialog), error.message);
    }
  };
  show($("#accommodations"), !fresh);
  $("#accommodations").onclick = () => accommodations.open(exam, people.candidates.filter((one) => !exam.candidates?.length || exam.candidates.includes(one.id)));
  let made = null;
  const saved = await ask(dialog, {
    prepare(form) {
      fill(form, exam ?? blank());
      monitoring.fill(exam?.id).catch((error) => say($("[role=alert]", dialog), error.message));
    },
    async submit(data, form) {
      const draft = read(data, form);
      // one that was made before its monitoring was refused is changed, not made again
      const known = exam ?? made;
      made = known ? await patch(`/exams/${known.id}`, changes(known, draft)) : await post("/exams", draft);
      await monitoring.save(made.id);
      return made;
    },
  });
  if (!saved?.id) return;
  rows.put({ session_counts: exam?.session_counts ?? 0, ...saved }, { fresh: true });
  announce(t("Saved."));
}

for (const field of $$("[data-find]")) {
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of $$(".form-check", document.getElementById(field.dataset.find))) show(row, row.textContent.toLowerCase().includes(wanted));
  });
  // return in a search field looks, it does not save
  field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
}
$("#filters").addEventListener("input", () => {
  const wanted = $("#filter-text").value.trim().toLowerCase();
  rows.filter((exam) => exam.title.toLowerCase().includes(wanted));
  setText($("#empty-title"), rows.all().length ? t("Nothing matches the filter") : t("No exam yet"));
});
$("#filters").addEventListener("submit", (event) => event.preventDefault());
$("#new").addEventListener("click", () => edit(null));
setText($("#zone"), clock.timeZone());

async function load() {
  try {
    rows.replace(items(await get("/exams")));
    say($("#problem"), "");
    for (const [name, role] of Object.entries(PICKED)) {
      people[name] = items(await get(`/users?role=${role}`)).filter((user) => user.active && user.roles.includes(role));
    }
  } catch (error) {
    say($("#problem"), error.message);
  }
  show($("#loading"), false);
}
load();
connect({ watch: [["watch_day", {}]], refetch: load, on: { exam: load, session: (s) => s.state === "planned" && load() } });
