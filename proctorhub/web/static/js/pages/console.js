// The proctor's console of one session.

import { del, get, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { ask } from "../lib/dialog.js";
import { $, $$, busy, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { shortcuts } from "../lib/shortcuts.js";
import { severityTone } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { soundSwitch, toast } from "../lib/toast.js";
import { tabs } from "../lib/tabs.js";
import { entryWord, lowWord, stateBadge, stateWord, verdictBadge } from "../lib/words.js";
import { writing } from "../lib/writing.js";
import { take } from "../media/stills.js";
import { IdentityPanel } from "../identity/panel.js";
import { Alarms } from "../session/alarms.js";
import { Chat } from "../session/chat.js";
import { ConsoleMedia } from "../session/console-media.js";
import { Entries } from "../session/entries.js";
import { Flags, WANTS_A_LOOK, flagKeys } from "../session/flags.js";
import { Health } from "../session/health.js";
import { Identification } from "../session/identify.js";
import { Looking } from "../session/looking.js";
import { appendLine, entryLine, listed } from "../session/log-view.js";

const root = $("#console");
const id = root.dataset.sessionId;
const me = document.body.dataset.userId;
const MEDIA_OPEN = ["checked_in", "waiting", "identifying", "admitted", "running", "paused"];
const TO_CONCLUDE = ["finished", "interrupted", "rejected"];
// a click does these at once; the others ask first
const DIRECT = ["identify", "pause", "resume"];
// until then the question is who sits there
const UNKNOWN = ["checked_in", "waiting", "identifying"];

let session = null;

const problem = (error) => say($("#problem"), error?.message);
const media = new ConsoleMedia({ sessionId: id, onProblem: problem });
const chat = new Chat({ root: $("#chat"), sessionId: id });
const alarms = new Alarms($("#alarms"));
const health = new Health($("#health"));
const identification = new Identification({ sessionId: id, onProblem: problem, onDecided: (next) => render(next) });
const identityPanel = new IdentityPanel({ root: $("#identity-panel"), sessionId: id, onProblem: problem, onFound: (check) => identification.offer(check) });
const sideTabs = tabs($(".tabs"));
// what came in while the pane was hidden could not scroll it
$("#pane-log").addEventListener("shown", () => $("#log").scrollTo(0, $("#log").scrollHeight));
const flags = new Flags({ root: $("#flags"), sessionId: id });
const looking = new Looking({ root: $("#looking"), sessionId: id });
const toFlags = () => Promise.all([flags.load(), looking.load()]).catch(problem);
const entries = new Entries(id, (entry, { live }) => {
  looking.entry(entry, { live });
  if (live) flags.entry(entry);
  if (live && WANTS_A_LOOK(entry)) toast(entryWord(entry), { tone: severityTone(entry.data.severity) });
  chat.add(entry, { quiet: !live });
  health.entry(entry);
  if (listed(entry)) appendLine($("#log"), entryLine(entry));
  if (entry.kind === "note") {
    appendLine($("#notes"), entryLine(entry));
    show($("#notes-empty"), false);
  }
  if (entry.kind === "still.taken") identification.entry(entry);
  if (entry.kind === "source.opened" && live) media.came(entry.data.source);
  if (entry.kind === "gap.noted" && live) announce(t("A gap in the recording was noted."));
});

function facts() {
  const { equipment, warnings, started_at: started, candidate, booking, media } = session;
  const failed = equipment?.results?.filter((result) => !result.ok).map((result) => result.name) ?? [];
  const parts = [
    booking && h("span", {}, t("Booked for {time}", { time: clock.time(booking.start) })),
    equipment && (failed.length ? h("span", { class: "badge-state tone-warn", title: failed.join(", ") }, t("Equipment: {count} not passed", { count: failed.length })) : h("span", {}, t("Equipment passed"))),
    media?.low_bandwidth && h("span", { class: "badge-state tone-info", data: { testid: "low" } }, lowWord(media)),
    warnings ? h("span", { class: "badge-state tone-warn" }, t("Warnings: {count}", { count: warnings })) : null,
    started && h("span", {}, t("Began {time}", { time: clock.time(started) })),
  ];
  $("#facts").replaceChildren(...parts.filter(Boolean));
  setText($("#who"), candidate.name);
  setText($("#what"), session.exam.title);
}

function render(next) {
  if (session && Date.parse(next.server_now) < Date.parse(session.server_now)) return;
  const before = session?.state;
  session = next;
  const { state } = session;
  const mine = session.proctor?.id === me;
  root.dataset.state = state;
  root.dataset.mine = String(mine);
  show($("#loading"), false);
  show($("#grid"));
  show($("#untaken"), !session.proctor && (state === "planned" || MEDIA_OPEN.includes(state)));
  $("#state-badge").replaceChildren(stateBadge(state));
  facts();
  for (const button of $$("[data-action]")) {
    show(button, mine && (session.actions.proctor.includes(button.dataset.action) || (button.dataset.action === "warn" && MEDIA_OPEN.includes(state))));
  }
  const lowSwitch = $("#low-bandwidth");
  show(lowSwitch, mine && session.exam.tier !== "none" && (state === "planned" || MEDIA_OPEN.includes(state)));
  lowSwitch.setAttribute("aria-pressed", String(session.media.low_bandwidth));
  show($("#actions"), $$("#actions > button, #facts > *").some((part) => !part.hidden));
  show($("#flags"), session.exam.tier !== "none" && state !== "planned");
  identification.session(session);
  identityPanel.session(session);
  if (before !== state) $("#identity-panel details").open = UNKNOWN.includes(state);
  alarms.session(session);
  health.session(session);
  const open = mine && MEDIA_OPEN.includes(state);
  show($("#media"), open || state === "planned");
  show($("#strip"), open);
  if (open) media.open(session.sources);
  else media.close();
  chat.enable(open);
  const concluding = mine && TO_CONCLUDE.includes(state);
  show($("#conclusion"), concluding);
  setText($("#ended-why"), session.reason ? `${stateWord(state)}: ${session.reason}` : stateWord(state));
  show($("#concluded"), state === "concluded");
  if (session.conclusion) {
    $("#verdict").replaceChildren(verdictBadge(session.conclusion.verdict));
    setText($("#verdict-comment"), session.conclusion.comment);
    $("#to-report").href = `/reports/${id}`;
  }
  if (before && before !== state) announce(t("{name}: {state}", { name: session.candidate.name, state: stateWord(state) }));
  tick();
}

function tick() {
  const running = ["running", "paused"].includes(session?.state);
  show($("#clock"), running);
  const left = clock.secondsLeft(session);
  if (running) setText($("#clock-text"), clock.duration(left));
  $("#clock").dataset.low = String(running && left < 300);
  if (session) document.title = [running && clock.duration(left), session.candidate.name].filter(Boolean).join(" · ");
}

const act = (name, body) => post(`/sessions/${id}/${name}`, body);
const number = (data) => ({ minutes: Number(data.get("minutes")) });
const cancel = async () => {
  await del(`/sessions/${id}/booking`);
  return get(`/sessions/${id}`);
};
const BODY = { extend: number, warn: (d) => ({ text: d.get("text") }), interrupt: (d) => ({ reason: d.get("reason") }), reject: (d) => ({ reason: d.get("reason") }), finish: () => ({}) };

async function run(name) {
  const button = $(`[data-action="${name}"]`);
  if (!button || button.hidden) return;
  if (DIRECT.includes(name)) {
    await busy(button, async () => {
      try {
        problem(null);
        render(await act(name));
      } catch (error) {
        problem(error);
        if (error.status === 409) load();
      }
    });
    return;
  }
  const done = await ask($(`#${name}-dialog`), { submit: (data) => (name === "cancel" ? cancel() : act(name, BODY[name](data))) });
  if (done?.state) render(done);
}
for (const button of $$("[data-action]")) button.addEventListener("click", () => run(button.dataset.action));
for (const button of $$("[data-fill]")) {
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.fill);
    field.value = button.textContent.trim();
    field.focus();
  });
}

const noteStill = (source) =>
  busy($(`[data-note-still="${source}"]`), async () => {
    try {
      await take($(`#${source}-video`), { sessionId: id, source, purpose: "note" });
      announce(t("Still kept."));
      flash(source);
    } catch (error) {
      problem(error);
    }
  });
function flash(source) {
  const tile = $(`.live-tile[data-source="${source}"]`);
  tile.classList.remove("flash");
  void tile.offsetWidth;
  tile.classList.add("flash");
}
for (const button of $$("[data-note-still]")) {
  button.addEventListener("click", () => noteStill(button.dataset.noteStill));
}

writing({
  form: $("#note-form"),
  field: $("#note-text"),
  send: async (text) => entries.arrived(await act("notes", { text })),
  onProblem: problem,
});

$("#conclusion-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(event.target);
  busy(event.submitter, async () => {
    try {
      render(await act("conclusion", { verdict: data.get("verdict"), comment: data.get("comment") }));
    } catch (error) {
      say($("#conclusion-problem"), error.message);
    }
  });
});

$("#low-bandwidth").addEventListener("click", (event) =>
  busy(event.currentTarget, async () => {
    try {
      render(await act("low-bandwidth", { on: !session.media.low_bandwidth }));
    } catch (error) {
      problem(error);
    }
  }),
);

$("#take").addEventListener("click", (event) =>
  busy(event.currentTarget, async () => {
    try {
      render(await act("take"));
    } catch (error) {
      problem(error);
    }
  }),
);

function write(field, tab) {
  if (tab) sideTabs.choose(tab);
  $(field).focus();
}
soundSwitch($("#flag-sound"));
shortcuts([
  ...flagKeys(flags),
  ["c", t("Write in the chat"), () => write("#chat-text")],
  ["n", t("Write a note"), () => write("#note-text", "tab-notes")],
  ["1", t("Still of the camera"), () => noteStill("camera")],
  ["2", t("Still of the screen"), () => noteStill("screen")],
  ["m", t("Candidate's sound on or off"), () => media.toggleSound()],
  [" ", t("Hold to talk"), (event) => event.repeat || media.talk.hold()],
  ["t", t("Keep talking or stop"), () => media.talk.toggleSteady()],
  ["v", t("Show yourself or stop"), () => media.talk.toggleCamera()],
  ["l", t("Camera large or not"), () => media.toggleLarge("camera")],
  ["s", t("Screen large or not"), () => media.toggleLarge("screen")],
  ["i", t("Begin identification"), () => run("identify")],
  ["d", t("Take the document still"), () => identification.take("document")],
  ["f", t("Take the face still"), () => identification.take("face")],
  ["p", t("Pause or resume"), () => run(session?.state === "paused" ? "resume" : "pause")],
  ["w", t("Warn"), () => run("warn")],
  ["e", t("Add minutes"), () => run("extend")],
]);

async function load() {
  try {
    render(await get(`/sessions/${id}`));
    await entries.catchUp();
    problem(null);
    toFlags();
  } catch (error) {
    show($("#loading"), false);
    if (error.status === 404) show($("#missing"));
    else problem(error);
  }
}

clock.keepTime();
setInterval(tick, 500);
load();
connect({
  watch: [["watch_session", { session_id: id }]],
  refetch: load,
  on: { session: (next) => next.id === id && render(next), entry: (entry) => entries.arrived(entry) },
});
