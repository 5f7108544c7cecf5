// The sessions that are over, with a filter.

import { get, items } from "../lib/api.js";
import * as clock from "../lib/clock.js";
import { $, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";
import { stateBadge, verdictBadge } from "../lib/words.js";
import { person } from "../session/people.js";

const OVER = ["finished", "interrupted", "rejected", "concluded"];
const me = document.body.dataset.userId;
const when = (s) => s.finished_at ?? s.started_at ?? s.created_at;

const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: (a, b) => when(b).localeCompare(when(a)),
  columns: [
    { label: t("Date"), sort: when, cell: (s) => [clock.date(when(s)), h("span", { class: "sub" }, clock.time(when(s)))] },
    { label: t("Candidate"), sort: (s) => s.candidate.name, cell: (s) => person(s.candidate) },
    { label: t("Exam"), sort: (s) => s.exam.title, cell: (s) => s.exam.title },
    { label: t("Proctor"), sort: (s) => s.proctor?.name ?? "", cell: (s) => s.proctor?.name ?? "—" },
    { label: t("Conclusion"), sort: (s) => s.conclusion?.verdict ?? "", cell: (s) => (s.conclusion ? verdictBadge(s.conclusion.verdict) : stateBadge(s.state)) },
    {
      end: true,
      cell: (s) => h("a", { class: "btn btn-sm btn-quiet", href: `/reports/${s.id}`, data: { testid: "open-report" } }, t("Open"), h("span", { class: "visually-hidden" }, s.candidate.name)),
    },
  ],
});

function wanted(session) {
  const text = $("#filter-text").value.trim().toLowerCase();
  const state = $("#filter-state").value;
  const verdict = $("#filter-verdict").value;
  if (state === "concluded" && session.state !== "concluded") return false;
  if (state === "finished" && session.state === "concluded") return false;
  if (verdict && session.conclusion?.verdict !== verdict) return false;
  return !text || `${session.candidate.name} ${session.exam.title} ${session.proctor?.name ?? ""}`.toLowerCase().includes(text);
}

function refresh() {
  rows.filter(wanted);
  setText($("#empty-title"), rows.all().length ? t("Nothing matches the filter") : t("No reports yet"));
}

async function load() {
  try {
    const lists = await Promise.all(OVER.map((state) => get(`/sessions?state=${state}`)));
    rows.replace(lists.flatMap(items).filter((s) => s.candidate.id !== me));
    refresh();
    say($("#problem"), "");
  } catch (error) {
    say($("#problem"), error.message);
  }
  show($("#loading"), false);
}

$("#filters").addEventListener("input", refresh);
$("#filters").addEventListener("submit", (event) => event.preventDefault());
load();
connect({
  watch: [["watch_day", {}]],
  refetch: load,
  on: {
    session(session) {
      if (!OVER.includes(session.state) || session.candidate.id === me) return;
      rows.put(session, { fresh: true });
      refresh();
    },
  },
});
