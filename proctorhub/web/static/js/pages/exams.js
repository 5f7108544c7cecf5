// A candidate's exams: what is booked, what is open, and what to do next.

import { del, get, items, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { ask } from "../lib/dialog.js";
import { $, busy, h, icon, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { stateBadge, stateWord, tierWord, verdictBadge } from "../lib/words.js";

const EARLY_MS = 30 * 60_000;
const me = document.body.dataset.userId;
const UNDER_WAY = ["checked_in", "waiting", "identifying", "admitted", "running", "paused"];
const GONE = ["cancelled", "no_show"];

let exams = [];
const sessions = new Map();

const facts = (exam) => [
  h("span", {}, icon("clock"), t("{minutes} minutes", { minutes: exam.duration_min })),
  h("span", {}, icon(exam.tier === "none" ? "eye" : "shield-check"), tierWord(exam.tier)),
];

function whatNext(session) {
  const { state, booking } = session;
  if (UNDER_WAY.includes(state)) return [t("Your exam is under way."), t("Continue"), `/sit/${session.id}`];
  if (state === "planned") {
    const opens = booking ? Date.parse(booking.start) - EARLY_MS : 0;
    if (clock.now() >= opens) return [t("You can check in now."), t("Check in"), `/sit/${session.id}`];
    return [
      t("Check-in opens {when} ({relative}). Try your equipment before.", {
        when: clock.moment(opens),
        relative: clock.relative(new Date(opens).toISOString()),
      }),
    ];
  }
  if (state === "concluded") return ["", t("See the result"), `/sessions/${session.id}/result`];
  if (state === "finished") return [t("Handed in. The conclusion will appear here.")];
  return [session.reason ? t("Reason: {reason}", { reason: session.reason }) : ""];
}

function sittingCard(session) {
  const [sentence, action, href] = whatNext(session);
  const canCancel = session.booking && session.actions?.candidate?.includes("cancel");
  return h(
    "li",
    { class: "panel card-line", data: { id: session.id, state: session.state, testid: "sitting" } },
    h(
      "div",
      { class: "card-main" },
      h("h3", {}, session.exam.title),
      h(
        "p",
        { class: "card-facts" },
        session.booking &&
          h("span", {}, icon("calendar-days"), `${clock.day(session.booking.start)}, ${clock.time(session.booking.start)}`),
        ...facts(session.exam),
      ),
      sentence && h("p", { class: "card-next" }, sentence),
    ),
    h(
      "div",
      { class: "card-side" },
      stateBadge(session.state),
      session.conclusion && verdictBadge(session.conclusion.verdict),
      h(
        "div",
        { class: "row-line" },
        canCancel && h("button", { class: "btn btn-bare", type: "button", onclick: () => cancel(session) }, t("Cancel booking")),
        session.state === "planned" && !action && h("a", { class: "btn btn-quiet", href: "/equipment" }, t("Check equipment")),
        action &&
          h("a", { class: "btn btn-primary", href, data: { testid: "continue" } }, action, icon("chevron-right")),
      ),
    ),
  );
}

function examCard(exam) {
  const open = clock.now() >= Date.parse(exam.opens_at) && clock.now() < Date.parse(exam.closes_at);
  const join = h("button", { class: "btn btn-primary", type: "button", disabled: !open, data: { testid: "join" } }, t("Sit it now"));
  join.addEventListener("click", () => busy(join, () => joinExam(exam)));
  return h(
    "li",
    { class: "panel card-line", data: { id: exam.id, testid: "exam" } },
    h(
      "div",
      { class: "card-main" },
      h("h3", {}, exam.title),
      h("p", { class: "card-facts" }, ...facts(exam), h("span", {}, icon("calendar"), t("{from} to {to}", { from: clock.moment(exam.opens_at), to: clock.moment(exam.closes_at) }))),
      exam.open && !open && h("p", { class: "card-next" }, t("Opens {when}.", { when: clock.moment(exam.opens_at) })),
    ),
    h(
      "div",
      { class: "card-side" },
      exam.open
        ? join
        : h("a", { class: "btn btn-primary", href: `/exams/${exam.id}/book`, data: { testid: "book" } }, t("Book a time"), icon("chevron-right")),
    ),
  );
}

/** Redraw one list, keeping the focus where it was. */
function redraw(list, cards) {
  const focused = list.contains(document.activeElement) && document.activeElement.closest("[data-id]")?.dataset.id;
  list.replaceChildren(...cards);
  if (focused) $(`[data-id="${focused}"] :is(a, button)`, list)?.focus();
}

function render() {
  const all = [...sessions.values()];
  const rank = (s) => (UNDER_WAY.includes(s.state) ? 0 : s.state === "planned" ? 1 : 2);
  const when = (s) => s.booking?.start ?? s.created_at;
  all.sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? -1 : 1) * when(a).localeCompare(when(b)));
  redraw($("#sittings"), all.map(sittingCard));
  const taken = new Set(all.filter((s) => !GONE.includes(s.state)).map((s) => s.exam.id));
  const free = exams.filter((exam) => !taken.has(exam.id) && Date.parse(exam.closes_at) > clock.now());
  redraw($("#open"), free.map(examCard));
  show($("#sittings-empty"), !all.length);
  show($("#open-empty"), !free.length);
  show($("#loading"), false);
  show($("#lists"));
}

async function joinExam(exam) {
  try {
    const { session_id: id } = await post("/sessions", { exam_id: exam.id });
    location.assign(`/sit/${id}`);
  } catch (error) {
    say($("#problem"), error.message);
  }
}

function cancel(session) {
  return ask($("#cancel-dialog"), { submit: () => del(`/sessions/${session.id}/booking`) });
}

async function load() {
  try {
    const [open, mine] = await Promise.all([get("/exams"), get("/sessions")]);
    exams = items(open);
    sessions.clear();
    // somebody who is also staff gets other people's sessions in the same answer
    for (const session of items(mine)) if (session.candidate.id === me) sessions.set(session.id, session);
    say($("#problem"), "");
    render();
  } catch (error) {
    show($("#loading"), false);
    say($("#problem"), error.message);
  }
}

setText($("#zone"), clock.timeZone());
clock.keepTime();
setInterval(() => sessions.size && !document.activeElement?.closest(".cards") && render(), 30_000);
load();
connect({
  watch: [["watch_own", {}]],
  refetch: load,
  on: {
    session(session) {
      if (session.candidate.id !== me) return;
      const before = sessions.get(session.id);
      sessions.set(session.id, session);
      if (before && before.state !== session.state) {
        announce(t("{exam}: {state}", { exam: session.exam.title, state: stateWord(session.state) }));
      }
      render();
    },
    exam: load,
  },
});
