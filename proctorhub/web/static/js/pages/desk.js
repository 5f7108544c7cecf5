// The proctor's day: who is coming, who is here, who is running; every change shows by itself.

import { get, items, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, busy, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { LiveList } from "../lib/live-list.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";
import { stateBadge, states, stateWord, verdictBadge } from "../lib/words.js";
import { lights, NOW } from "../session/lights.js";
import { person } from "../session/people.js";

const me = document.body.dataset.userId;
const OVER = ["finished", "concluded", "cancelled", "no_show", "rejected", "interrupted"];
const WANTS = ["waiting", "identifying"];

let day = new URLSearchParams(location.search).get("day") || clock.localDay();
let loaded = false;

// an exam without proctoring needs nobody's eyes, and nobody proctors their own
const concerns = (s) => s.exam.tier !== "none" && s.candidate.id !== me;
const planned = (s) => s.booking?.start ?? s.scheduled_at ?? s.created_at;

function timeLeft(session) {
  if (!["running", "paused"].includes(session.state)) return null;
  return h("span", { class: "sub num", data: { ends: session.ends_at } }, t("{time} left", { time: clock.duration(clock.secondsLeft(session)) }));
}

function action(session) {
  const open = h(
    "a",
    { class: `btn btn-sm ${WANTS.includes(session.state) ? "btn-primary" : "btn-quiet"}`, href: `/desk/${session.id}`, data: { testid: "open-session" } },
    t("Open"),
    h("span", { class: "visually-hidden" }, session.candidate.name),
  );
  if (session.proctor || OVER.includes(session.state)) return open;
  const take = h("button", { class: "btn btn-sm btn-primary", type: "button", data: { testid: "take-session" } }, t("Take"), h("span", { class: "visually-hidden" }, session.candidate.name));
  take.addEventListener("click", () =>
    busy(take, async () => {
      try {
        await post(`/sessions/${session.id}/take`);
        location.assign(`/desk/${session.id}`);
      } catch (error) {
        say($("#problem"), error.message);
        load();
      }
    }),
  );
  return take;
}

const order = (a, b) => planned(a).localeCompare(planned(b)) || a.candidate.name.localeCompare(b.candidate.name);
const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: order,
  columns: [
    { label: t("Time"), sort: planned, cell: (s) => (s.booking ? `${clock.time(s.booking.start)}–${clock.time(s.booking.end)}` : [clock.time(planned(s)), h("span", { class: "sub" }, t("not booked"))]) },
    { label: t("Candidate"), sort: (s) => s.candidate.name, cell: (s) => person(s.candidate) },
    { label: t("Exam"), sort: (s) => s.exam.title, cell: (s) => [s.exam.title, h("span", { class: "sub" }, t("{minutes} minutes", { minutes: s.exam.duration_min }))] },
    {
      label: t("State"),
      sort: (s) => states.indexOf(s.state),
      cell: (s) => [h("span", { class: "row-line" }, stateBadge(s.state), s.conclusion && verdictBadge(s.conclusion.verdict), s.warnings ? h("span", { class: "badge-state tone-warn" }, t("Warnings: {count}", { count: s.warnings })) : ""), timeLeft(s)],
    },
    { label: t("Camera, screen"), cell: lights },
    { label: t("Proctor"), cell: (s) => (s.proctor ? (s.proctor.id === me ? t("You") : s.proctor.name) : h("span", { class: "soft" }, t("nobody yet"))) },
    { cell: action, end: true },
  ],
});

function wanted(session) {
  const text = $("#filter-text").value.trim().toLowerCase();
  const state = $("#filter-state").value;
  if ($("#filter-mine").checked && session.proctor?.id !== me) return false;
  if (state === "now" && !NOW.includes(session.state)) return false;
  if (state === "over" && !OVER.includes(session.state)) return false;
  if (state === "planned" && session.state !== "planned") return false;
  return !text || `${session.candidate.name} ${session.exam.title}`.toLowerCase().includes(text);
}

function summarise() {
  const all = rows.all();
  const count = (list) => all.filter((s) => list.includes(s.state)).length;
  const facts = [
    [t("wait for you"), count(WANTS), "wants"],
    [t("running"), count(["running", "paused", "admitted"])],
    [t("still to come"), count(["planned"])],
    [t("to conclude"), count(["finished", "interrupted", "rejected"])],
  ];
  $("#counts").replaceChildren(...facts.filter(([, n]) => n).map(([word, n, name]) => h("li", { class: name ?? "" }, h("b", {}, String(n)), word)));
  const filtered = all.length > 0;
  setText($("#empty-title"), filtered ? t("Nothing matches the filter") : t("No sessions on this day"));
  show($("#empty-text"), !filtered);
  const waiting = count(WANTS);
  document.title = [waiting ? `(${waiting})` : "", t("Desk"), "· ProctorHub"].filter(Boolean).join(" ");
}

const current = new LiveList(
  async () => items(await get(`/sessions?${new URLSearchParams(clock.dayBounds(day))}`)).filter(concerns),
  (session) => session.id,
);

async function load() {
  const asked = day;
  try {
    const found = await current.ask();
    if (!found || asked !== day) return;
    rows.replace([...found.values()]);
    rows.filter(wanted);
    summarise();
    say($("#problem"), "");
  } catch (error) {
    say($("#problem"), error.message);
  }
  loaded = true;
  show($("#loading"), false);
}

function onDay(session) {
  const today = day === clock.localDay(clock.now());
  return clock.localDay(planned(session)) === day || (today && NOW.includes(session.state));
}

/** A row's session after news of it; what is not for this table leaves it as it is. */
function after(before, session) {
  if (before && Date.parse(session.server_now) < Date.parse(before.server_now)) return before;
  const taken = session.proctor && session.proctor.id !== me && !before;
  return concerns(session) && onDay(session) && !taken ? session : before;
}

function changed(session) {
  current.heard(session.id, (before) => after(before, session));
  if (!loaded) return;
  const before = rows.get(session.id);
  if (after(before, session) !== session) return;
  const news = before?.state !== session.state;
  rows.put(session, { fresh: news });
  summarise();
  if (news && wanted(session)) announce(t("{name}: {state}", { name: session.candidate.name, state: stateWord(session.state) }));
}

function go(value) {
  day = value || clock.localDay(clock.now());
  $("#day").value = day;
  const today = day === clock.localDay(clock.now());
  setText($("#day-title"), today ? t("Today, {day}", { day: clock.day(clock.now()) }) : clock.day(`${day}T12:00:00`));
  history.replaceState(null, "", today ? "/desk" : `/desk?day=${day}`);
}
const shift = (days) => {
  const date = new Date(`${day}T12:00:00`);
  date.setDate(date.getDate() + days);
  go(clock.localDay(date));
  load();
};
$("#day-before").addEventListener("click", () => shift(-1));
$("#day-after").addEventListener("click", () => shift(1));
$("#day-today").addEventListener("click", () => (go(), load()));
$("#day").addEventListener("change", (event) => (go(event.target.value), load()));
$("#filters").addEventListener("input", () => (rows.filter(wanted), summarise()));
$("#filters").addEventListener("submit", (event) => event.preventDefault());

setInterval(() => {
  for (const session of rows.all()) {
    const cell = document.querySelector(`tr[data-id="${session.id}"] [data-ends]`);
    if (cell) setText(cell, t("{time} left", { time: clock.duration(clock.secondsLeft(session)) }));
  }
}, 1000);

clock.keepTime();
go(day);
load();
connect({ watch: [["watch_day", {}]], refetch: load, on: { session: changed } });
