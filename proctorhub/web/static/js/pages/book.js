// Choosing one bookable time of an exam, grouped by day in the candidate's own time zone.

import { get, items, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, busy, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";

const SCARCE = 3;
const examId = $("#book").dataset.examId;
const form = $("#times");
let chosen = null;

function option({ start, places }) {
  const input = h("input", { type: "radio", class: "btn-check", name: "start", id: `at-${start}`, value: start, data: { testid: "time" } });
  input.checked = start === chosen;
  const left = places <= SCARCE ? h("small", {}, t("{places} left", { places })) : null;
  return [input, h("label", { class: "btn btn-quiet time-choice", for: input.id }, clock.time(start), left)];
}

function render(times) {
  const days = new Map();
  for (const time of times) {
    const day = clock.localDay(time.start);
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(time);
  }
  if (chosen && !times.some((time) => time.start === chosen)) {
    announce(t("The time you had chosen was just taken. Please choose another one."));
    chosen = null;
  }
  const focused = document.activeElement?.id;
  form.replaceChildren(
    ...[...days].map(([, list]) =>
      h(
        "fieldset",
        { class: "panel day" },
        h("legend", {}, clock.day(list[0].start)),
        h("div", { class: "day-times" }, ...list.map(option)),
      ),
    ),
  );
  if (focused) document.getElementById(focused)?.focus();
  show($("#loading"), false);
  show($("#empty"), !times.length);
  show(form, times.length > 0);
  bar();
}

function bar() {
  show($("#bar"), Boolean(chosen));
  if (chosen) setText($("#chosen"), t("{day} at {time}", { day: clock.day(chosen), time: clock.time(chosen) }));
}

async function load() {
  try {
    const exam = await get(`/exams/${examId}`);
    setText($("#exam-title"), `${exam.title}.`);
    const from = new Date(Math.max(clock.now(), Date.parse(exam.opens_at))).toISOString();
    const query = new URLSearchParams({ from, to: exam.closes_at });
    render(items(await get(`/exams/${examId}/times?${query}`)));
    say($("#problem"), "");
  } catch (error) {
    show($("#loading"), false);
    say($("#problem"), error.message);
  }
}

form.addEventListener("change", (event) => {
  chosen = event.target.value;
  bar();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("#confirm"), async () => {
    try {
      await post(`/exams/${examId}/bookings`, { start: chosen });
      location.assign("/exams");
    } catch (error) {
      await load();
      say($("#problem"), error.message);
      $("#problem").scrollIntoView({ block: "center" });
    }
  });
});

setText($("#zone"), clock.timeZone());
clock.synchronise();
load();
connect({
  watch: [["watch_own", {}]],
  refetch: load,
  on: { exam: ({ id }) => id === examId && load(), availability: load },
});
