// What a candidate gets afterwards: the conclusion and the report without notes.

import { get } from "../lib/api.js";
import * as clock from "../lib/clock.js";
import { $, h, icon, say, setText, show } from "../lib/dom.js";
import { decisionBadge, detectorWord, severityBadge } from "../lib/flag-words.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { sourceWord, verdictBadge } from "../lib/words.js";
import { replay } from "../session/replay.js";
import { pictures, why } from "../session/why.js";

const root = $("#result");
const id = root.dataset.sessionId;
let done = false;

/** One flag with its pictures, its reason, and what a person made of it. */
function flag(one, film) {
  const seek = h("button", { type: "button", class: "btn btn-quiet btn-sm no-print" }, icon("play"), t("Show the moment"));
  seek.addEventListener("click", () => {
    film.show(Date.parse(one.started_at));
    $("#replay").scrollIntoView({ block: "start" });
  });
  const decided = one.decision ? [decisionBadge(one.decision.value), one.decision.comment] : [t("Nobody has decided about it.")];
  return h("li", { data: { testid: "result-flag" } }, h("h3", { class: "row-line" }, detectorWord(one.detector), severityBadge(one.severity)), h("div", { class: "flag-reason" }, h("div", { class: "flag-stills" }, ...pictures(one)), why(one)), h("p", { class: "row-line mb-0" }, ...decided, seek));
}

function render({ session, entries, sources, incidents }) {
  root.dataset.state = session.state;
  setText($("#title"), session.exam.title);
  setText($("#subtitle"), clock.day(session.started_at ?? session.created_at));
  $("#verdict").replaceChildren(verdictBadge(session.conclusion.verdict));
  setText($("#comment"), session.conclusion.comment);
  setText($("#signed"), t("Signed by {name}, {when}", { name: session.conclusion.by, when: clock.moment(session.conclusion.at) }));
  const names = [...new Set(sources.map((item) => sourceWord(item.source)))];
  const kept = [
    names.length ? t("Recordings: {sources}.", { sources: names.join(", ") }) : t("No recordings."),
    t("The log of the session: {count} entries that concern you.", { count: entries.length }),
    session.identity?.status === "approved" || session.identity?.status === "rejected" ? t("A still of your document and one of your face.") : t("No stills of your identification."),
  ];
  $("#kept").replaceChildren(...kept.map((text) => h("li", {}, text)));
  show($("#loading"), false);
  show($("#pending"), false);
  show($("#content"));
  show($("#flags"), session.exam.tier !== "none");
  show($("#flags-none"), !incidents.length);
  const film = replay({ sources, entries, incidents });
  $("#flags-list").replaceChildren(...incidents.map((one) => flag(one, film)));
}

async function load() {
  if (done) return;
  try {
    const session = await get(`/sessions/${id}`);
    if (session.state !== "concluded") {
      root.dataset.state = session.state;
      show($("#loading"), false);
      show($("#pending"));
      return;
    }
    const report = await get(`/sessions/${id}/report`);
    done = true;
    render(report);
  } catch (error) {
    show($("#loading"), false);
    say($("#problem"), error.message);
  }
}

load();
connect({ watch: [["watch_session", { session_id: id }]], refetch: load, on: { session: (next) => next.id === id && load() } });
