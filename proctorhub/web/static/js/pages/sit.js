// One sitting: shows the step that the session's state calls for, and keeps media, clock and chat going.

import { get, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { ask } from "../lib/dialog.js";
import { $, $$, busy, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { stateBadge, stateWord, verdictBadge } from "../lib/words.js";
import { IdentityCheck } from "../identity/check.js";
import { EquipmentCheck } from "../media/equipment-check.js";
import { sendLeft } from "../media/leftover.js";
import { ChatDock } from "../session/chat-dock.js";
import { Entries } from "../session/entries.js";
import { ExamDoor } from "../session/exam-door.js";
import { LineSaver } from "../session/line-saver.js";
import { tellRest } from "../session/rest.js";
import { showObserved, showRules } from "../session/rules.js";
import { Signals } from "../session/signals.js";
import { SitClock } from "../session/sit-clock.js";
import { SitMedia } from "../session/sit-media.js";
import { Warnings } from "../session/warnings.js";

const root = $("#sit");
const id = root.dataset.sessionId;
const MEDIA_OPEN = ["checked_in", "waiting", "identifying", "admitted", "running", "paused"];
const ENDED = { cancelled: 1, no_show: 1, rejected: 1, interrupted: 1 };
const STEPS = ["consent", "equipment", "check-in", "identity", "exam", "done"];
const STEP_OF = {
  consent: "consent",
  equipment: "equipment",
  "check-in": "check-in",
  "set-up": "check-in",
  waiting: "identity",
  identifying: "identity",
  admitted: "exam",
  running: "exam",
  paused: "exam",
};

let session = null;
let consent = null;
let check = null;
let media = null;
let tidied = false;

const time = new SitClock();
const watched = () => session.exam.tier !== "none";
const signals = new Signals(id, { onObserved: (found) => $$("[data-observed]").forEach((place) => showObserved(place, found)) });
const door = new ExamDoor({ onPlace: (elsewhere) => (signals.elsewhere = elsewhere) });
const dock = new ChatDock(id, {
  onUnread: (count) => time.unread(count),
});
const saver = new LineSaver({ sessionId: id, onSwitched: (next) => render(next), onProblem: (error) => say($("#problem"), error.message) });
const identity = new IdentityCheck({ sessionId: id });
const warnings = new Warnings($("#warning"));
const entries = new Entries(id, (entry, { live }) => {
  dock.chat.add(entry, { quiet: !live });
  if (entry.kind === "warning" && live) warnings.add(entry.data.text);
  if (entry.kind === "source.opened" && entry.data.source === "proctor") media?.proctorCame();
  if (entry.kind === "gap.noted") media?.gapNoted();
  if (entry.kind === "time.extended" && live) announce(t("{minutes} minutes were added.", entry.data));
});

function stepOf({ state, consent: agreed, equipment }) {
  if (state === "planned") {
    if (!agreed) return "consent";
    return watched() && !equipment ? "equipment" : "check-in";
  }
  if (state === "checked_in") return "set-up";
  return ENDED[state] ? "ended" : state;
}

const fill = {
  async consent() {
    consent ??= await get(`/sessions/${id}/consent`);
    $("#consent-text").replaceChildren(...consent.text.split("\n").filter(Boolean).map((line) => h("p", {}, line)));
    setText($("#consent-version"), consent.version);
  },
  equipment() {
    check ??= new EquipmentCheck({
      needsScreen: session.exam.rules?.require_screen !== false,
      wanted: session.media,
      onChange: equipmentChanged,
      onUplink: (enough) => saver.measured(enough),
    });
  },
  "check-in"() {
    const facts = [
      [t("Exam"), session.exam.title],
      [t("Duration"), t("{minutes} minutes", { minutes: session.exam.duration_min })],
      session.booking && [t("Booked for"), `${clock.day(session.booking.start)}, ${clock.time(session.booking.start)}`],
      session.proctor && [t("Proctor"), session.proctor.name],
    ].filter(Boolean);
    $("#check-in-facts").replaceChildren(...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  },
  "set-up"() {
    show($("#setup-screen-row"), session.exam.rules?.require_screen !== false);
  },
  waiting() {
    setText($("#waiting-text"), session.proctor ? t("{name} will be with you shortly.", { name: session.proctor.name }) : t("The next free proctor will be with you."));
    showRules($("#rules-waiting"), session.exam.rules);
  },
  admitted() {
    showRules($("#rules"), session.exam.rules);
    setText($("#start-text"), t("Start the exam: {minutes} minutes", { minutes: session.exam.duration_min }));
  },
  running() {
    showRules($("#rules-running"), session.exam.rules);
    const { url } = session.exam;
    door.lead(url);
    const sentences = [
      url ? "" : t("Work on the exam as you were told."),
      watched() ? t("Keep this page open; it carries your camera, your screen and the chat.") : t("Come back to this page to finish."),
    ];
    setText($("#running-text"), sentences.filter(Boolean).join(" "));
  },
  ended() {
    setText($("#h-ended"), stateWord(session.state));
    setText($("#ended-reason"), session.reason || session.identity?.reason || "");
  },
  concluded() {
    $("#verdict").replaceChildren(verdictBadge(session.conclusion.verdict));
    setText($("#verdict-comment"), session.conclusion.comment);
    $("#to-result").href = `/sessions/${id}/result`;
  },
};

function showStep(step) {
  const changed = root.dataset.step !== step;
  root.dataset.step = step;
  for (const section of $$("[data-show]", root)) show(section, section.dataset.show === step);
  const at = STEPS.indexOf(STEP_OF[step] ?? "done");
  show($("#steps"));
  for (const part of $$("[data-watched]")) show(part, watched());
  $$("#steps li").forEach((item, index) => {
    item.dataset.at = index < at ? "past" : index === at ? "now" : "next";
    if (index === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
  if (!changed) return;
  announce(stateWord(session.state));
  const heading = $(`[data-show="${step}"] h1`, root);
  const elsewhere = $("#chat").contains(document.activeElement) || identity.going;
  if (heading && !elsewhere) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }
}

function mediaFor(state) {
  const wanted = MEDIA_OPEN.includes(state) && watched();
  show($("#dock"), wanted);
  show($("#chat-dock"), wanted);
  dock.chat.enable(wanted);
  if (!wanted) {
    media?.close(session.finished_at);
    media = null;
    // a visit that was cut short may have left something of a session that is over
    if (!tidied) sendLeft(session, tellRest).catch(reportError);
    tidied = true;
    if (state !== "planned") check?.release();
    return;
  }
  tidied = true;
  media ??= new SitMedia({
    sessionId: id,
    needsScreen: session.exam.rules?.require_screen !== false,
    wanted: session.media,
    onChange: mediaChanged,
    onLine: (kbit) => saver.carries(kbit),
    // it may have ended while this page was away; the live changes may come back later, or never
    onRefused: load,
    onRest: tellRest,
  });
  media.apply(session.media);
  // while it is being set up the page itself asks for the devices
  media.watching = state !== "checked_in";
  media.open(check ? { ...check.release({ keep: true }), alone: true } : {});
  media.viewer.follow(session.sources?.proctor);
  check = null;
}

function mediaChanged() {
  if (!media || session.state !== "checked_in") return;
  const { camera, screen } = media.state;
  const words = { live: t("On"), connecting: t("Connecting…"), retrying: t("Reconnecting…"), ended: t("It was switched off."), off: t("Not switched on yet") };
  setText($("#setup-camera-text"), words[camera]);
  setText($("#setup-screen-text"), words[screen]);
  show($("#setup-camera"), ["off", "ended"].includes(camera));
  show($("#setup-screen"), ["off", "ended"].includes(screen));
  $("#ready").disabled = !media.complete;
}

async function render(next) {
  // an answer that was overtaken by a newer live event must not win
  if (session && Date.parse(next.server_now) < Date.parse(session.server_now)) return;
  session = next;
  root.dataset.state = session.state;
  setText($("#exam-title"), session.exam.title);
  $("#state-badge").replaceChildren(stateBadge(session.state));
  if (watched()) saver.session(session);
  const step = stepOf(session);
  await fill[step]?.();
  showStep(step);
  mediaFor(session.state);
  identity.session(session);
  if (step === "set-up") {
    if (watched()) mediaChanged();
    // nothing to switch on: an exam without proctoring goes straight on
    else act($("#ready"), does("ready"));
  }
  if (step !== "running") door.embed(false, { keep: session.state === "paused" });
  signals.follow(session);
  time.session(session);
}

function equipmentChanged(current) {
  $("#equipment-done").disabled = !current.ok;
  show($("#equipment-anyway"), current.complete && !current.ok);
}

function act(button, work) {
  return busy(button, async () => {
    try {
      say($("#problem"), "");
      await render(await work());
    } catch (error) {
      say($("#problem"), error.message);
      $("#problem").scrollIntoView({ block: "nearest" });
      if (error.status === 409) await load();
    }
  });
}
const on = (selector, work) => $(selector).addEventListener("click", (event) => act(event.currentTarget, work));
const does = (name) => () => post(`/sessions/${id}/${name}`);

$("#consent-form").addEventListener("submit", (event) => {
  event.preventDefault();
  act(event.submitter, () => post(`/sessions/${id}/consent`, { version: consent.version, sha256: consent.sha256 }));
});
const equipmentDone = () => post(`/sessions/${id}/equipment`, { results: check.results });
on("#equipment-done", equipmentDone);
on("#equipment-anyway", equipmentDone);
on("#check-in", does("check-in"));
on("#ready", does("ready"));
on("#start", does("start"));
on("#setup-camera", async () => (await media.startCamera(), session));
on("#setup-screen", async () => (await media.startScreen(), session));
$("#finish").addEventListener("click", async () => {
  const finished = await ask($("#finish-dialog"), { submit: does("finish") });
  if (finished) render(finished);
});

async function load() {
  try {
    await render(await get(`/sessions/${id}`));
    await entries.catchUp();
  } catch (error) {
    if (error.status !== 404) return say($("#problem"), error.message);
    for (const section of $$("[data-show]", root)) show(section, section.dataset.show === "missing");
    root.dataset.step = "missing";
  }
  return undefined;
}

clock.keepTime();
load();
const heard = { session: (next) => next.id === id && render(next), entry: (entry) => entries.arrived(entry) };
signals.link(connect({ watch: [["watch_session", { session_id: id }]], refetch: load, on: heard }));
