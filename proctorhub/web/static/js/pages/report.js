// The report of one session for staff.

import { get } from "../lib/api.js";
import * as clock from "../lib/clock.js";
import { $, h, icon, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { detectorWord } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { causeWord, sourceWord, stateBadge, verdictBadge } from "../lib/words.js";
import { IdentityPanel } from "../identity/panel.js";
import { Flags, flagKeys } from "../session/flags.js";
import { replay } from "../session/replay.js";

const root = $("#report");
const id = root.dataset.sessionId;
let film = null;

const seconds = (gap) => (Date.parse(gap.ended_at) - Date.parse(gap.started_at)) / 1000;
const missed = (gap) => {
  const facts = { at: clock.second(gap.started_at), seconds: seconds(gap).toFixed(1), cause: causeWord(gap.cause) };
  if (gap.track === "video") return t("{at}, {seconds} s without picture, {cause}", facts);
  return gap.track === "audio" ? t("{at}, {seconds} s without sound, {cause}", facts) : t("{at}, {seconds} s, {cause}", facts);
};
const stretch = (gap) => t("{at}, {seconds} s", { at: clock.second(gap.started_at), seconds: seconds(gap).toFixed(1) });
const percent = (share) => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;

function facts(session) {
  const rows = [
    [t("Candidate"), session.candidate.name],
    [t("Exam"), session.exam.title],
    [t("Proctor"), session.proctor?.name],
    [t("Booked for"), session.booking && clock.moment(session.booking.start)],
    [t("Checked in"), session.checked_in_at && clock.moment(session.checked_in_at)],
    [t("Began"), session.started_at && clock.moment(session.started_at)],
    [t("Ended"), session.finished_at && clock.moment(session.finished_at)],
    [t("Reason"), session.reason],
    [t("Warnings"), String(session.warnings ?? 0)],
    [t("Equipment"), session.equipment && (session.equipment.ok ? t("Passed") : t("Not all passed"))],
    [t("Consent"), session.consent && `${session.consent.version}, ${clock.moment(session.consent.at)}`],
  ].filter(([, value]) => value);
  $("#facts").replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function identity(session) {
  const { identity: check } = session;
  const by = check?.by === "software" ? t("Let in by software.") : t("Approved by the proctor.");
  const words = { approved: by, rejected: t("Rejected: {reason}", { reason: check?.reason ?? "" }) };
  setText($("#identity"), words[check?.status] ?? t("No identification took place."));
  const stills = [
    [check?.document_still, t("Document")],
    [check?.face_still, t("Face")],
  ].filter(([still]) => still);
  const pictures = stills.map(([still, text]) => [`/api/v1/sessions/${id}/stills/${still}`, text]);
  if (session.candidate.photo_url) pictures.push([session.candidate.photo_url, t("Profile")]);
  $("#identity-stills").replaceChildren(...pictures.map(([src, text]) => h("figure", {}, h("img", { src, alt: text, loading: "lazy" }), h("figcaption", {}, text))));
}

/** How the clocks ran, in words; nothing where nothing is known. */
function clocks({ audio_drift_ms_h: audio, video_drift_ms_h: video, sound_offset_ms: offset }) {
  const drifts = [
    [t("Sound"), audio],
    [t("Picture"), video],
  ].filter(([, value]) => value !== null);
  const list = drifts.map(([source, value]) => t("{source}: {rate} ms/h", { source, rate: value.toFixed(1) })).join(", ");
  const words = [offset !== null && t("Sound to picture: {offset} ms", { offset: offset.toFixed(1) }), list && t("Clock drift: {list}", { list })].filter(Boolean);
  return words.length ? h("p", { class: "soft", data: { testid: "sync" } }, words.join(". ")) : "";
}

function completeness(sources) {
  const names = [...new Set(sources.map((item) => item.source))];
  const rows = names.map((name) => {
    const parts = sources.filter((item) => item.source === name);
    const gaps = parts[0].gaps ?? [];
    const missing = gaps.length
      ? h("ul", { class: "gap-list" }, ...gaps.map((gap) => h("li", {}, missed(gap))))
      : t("nothing");
    const healed = parts[0].healed ?? [];
    const filled = healed.length
      ? h("p", { class: "soft", data: { testid: "healed" } }, t("From the candidate's computer, not from the media node: {list}", { list: healed.map(stretch).join("; ") }))
      : "";
    return h(
      "tr",
      { data: { source: name } },
      h("td", { data: { label: t("Source") } }, sourceWord(name)),
      h("td", { class: "end num", data: { label: t("Length") } }, clock.duration(parts.reduce((sum, part) => sum + part.duration_s, 0))),
      h("td", { class: "end num", data: { label: t("Complete") } }, percent(parts[0].completeness)),
      h("td", { data: { label: t("Missing") } }, missing, filled, clocks(parts[0].sync)),
    );
  });
  $("#completeness tbody").replaceChildren(...(rows.length ? rows : [h("tr", {}, h("td", { colspan: "4", class: "soft" }, t("Nothing was recorded.")))]));
}

function downloads(sources) {
  const links = sources.map((item) => {
    const name = `${sourceWord(item.source)}${item.part ? ` ${item.part + 1}` : ""}`;
    const file = `${id}-${item.source}${item.part ? `-${item.part + 1}` : ""}.webm`;
    return h("a", { class: "menu-item", href: item.url, download: file }, icon("video"), t("{source}, {size} MB", { source: name, size: (item.bytes / 1e6).toFixed(1) }));
  });
  links.push(h("a", { class: "menu-item", href: `/api/v1/sessions/${id}/log`, download: `${id}-log.json` }, icon("list"), t("Log (JSON)")));
  $("#downloads").replaceChildren(...links);
}

const panel = new IdentityPanel({ root: $("#identity-panel"), sessionId: id, onProblem: (error) => say($("#problem"), error.message) });
const flags = new Flags({ root: $("#flags"), sessionId: id, onChosen: (one) => film?.show(Date.parse(one.started_at)) });

/** When nobody looked, for it is not the same as nothing having happened. */
function unwatched(gaps) {
  show($("#unwatched"), gaps.length > 0);
  $("#unwatched ul").replaceChildren(...gaps.map((gap) => h("li", {}, `${stretch(gap)}: ${gap.detectors.map(detectorWord).join(", ")}`)));
}

function render({ session, entries, sources, log, incidents, suspicion, may_decide: mayDecide, monitoring_gaps: gaps }) {
  root.dataset.state = session.state;
  document.title = `${session.candidate.name} · ${session.exam.title}`;
  setText($("#title"), session.candidate.name);
  setText($("#subtitle"), `${session.exam.title} · ${clock.day(session.started_at ?? session.created_at)}`);
  $("#state").replaceChildren(stateBadge(session.state));
  $("#verdict").replaceChildren(...(session.conclusion ? [verdictBadge(session.conclusion.verdict)] : []));
  const chain = $("#chain");
  chain.className = `badge-state ${log.intact ? "tone-ok" : "tone-bad"}`;
  setText(chain, log.intact ? t("Log intact") : t("Log has been changed"));
  setText($("#seal"), log.intact ? t("{entries} entries, unbroken.", { entries: log.entries }) : t("The chain of entries is broken: this log must not be relied on."));
  setText($("#head"), log.head);
  setText($("#comment"), session.conclusion ? session.conclusion.comment || t("No comment.") : t("Not concluded yet."));
  setText($("#signed"), session.conclusion ? t("Signed by {name}, {when}", { name: session.conclusion.by, when: clock.moment(session.conclusion.at) }) : "");
  facts(session);
  identity(session);
  panel.session(session);
  completeness(sources);
  downloads(sources);
  show($("#loading"), false);
  show($("#content"));
  // built once: a conclusion that comes while somebody watches must not stop the film
  show($("#flags"), session.exam.tier !== "none");
  flags.show({ items: incidents, suspicion, may_decide: mayDecide });
  unwatched(gaps);
  film ??= replay({ sources, entries, incidents, keys: flagKeys(flags) });
}

async function load() {
  try {
    render(await get(`/sessions/${id}/report`));
  } catch (error) {
    show($("#loading"), false);
    if (error.status === 404) show($("#missing"));
    else say($("#problem"), error.message);
  }
}

$("#print").addEventListener("click", () => print());
clock.synchronise(1);
load();
connect({
  watch: [["watch_session", { session_id: id }]],
  refetch: async () => {},
  on: { session: (next) => next.id === id && next.state !== root.dataset.state && load(), entry: (entry) => flags.entry(entry) },
});
