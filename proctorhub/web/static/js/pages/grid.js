// All own candidates at once: a still of each every few seconds, the flagged ones marked. The order stays
// as it is unless the proctor asks for the flagged ones first.

import { get, items } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, $$, h, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { LiveList } from "../lib/live-list.js";
import { detectorWord, severityTone } from "../lib/flag-words.js";
import { t } from "../lib/t.js";
import { soundSwitch, toast } from "../lib/toast.js";
import { stateWord } from "../lib/words.js";
import { StillRounds } from "../media/still-rounds.js";
import { CamTile } from "../session/cam-tile.js";
import { WANTS_A_LOOK } from "../session/flags.js";
import { NOW } from "../session/lights.js";

const me = document.body.dataset.userId;
const MOST = 30;
const ASK_AGAIN_MS = 500;
const KEPT = "grid-flagged-first";
const LEVELS = ["bad", "warn", ""];

// in the order in which they came; a later one never pushes an earlier one aside
const tiles = new Map();
let loaded = false;
let askAgain = 0;

const rounds = new StillRounds({
  onStill: (id, still) => tiles.get(id)?.picture(still),
  onMissing: (id) => tiles.get(id)?.lost(),
});

/** Whom there is room for; the flagged ones always. */
function chosen() {
  const all = [...tiles.values()];
  let free = MOST - all.filter((tile) => tile.level).length;
  return all.filter((tile) => tile.level || free-- > 0);
}

function place() {
  const list = $("#tiles");
  const shown = chosen();
  if ($("#flagged-first").checked) shown.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  for (const tile of tiles.values()) if (!shown.includes(tile)) tile.element.remove();
  const focused = document.activeElement;
  shown.forEach(({ element }, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  if (!shown.some((tile) => tile.link.tabIndex === 0) && shown[0]) shown[0].link.tabIndex = 0;
  show(list, shown.length > 0);
  show($("#empty"), loaded && shown.length === 0);
  const rest = tiles.size - shown.length;
  show($("#more"), rest > 0);
  setText($("#more"), t("Further candidates without a flag, in the table: {count}", { count: rest }));
  rounds.follow(shown.filter((tile) => tile.expectsPicture).map((tile) => tile.item.session.id));
  flagged(shown);
  counts();
}

/** The flagged ones by name, always in sight, however far down their tiles are. */
function flagged(shown) {
  const found = shown.filter((tile) => tile.level).sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  const list = $("#flagged-list");
  const now = found.map(({ item, flags }) => [item.session.id, item.session.candidate.name, ...flags.map((flag) => flag.text)].join("|")).join("\n");
  show($("#flagged"), found.length > 0);
  if (list.dataset.was === now) return;
  list.dataset.was = now;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(
    ...found.map(({ item: { session }, flags, level }) =>
      h("li", {}, h("button", { type: "button", class: `btn btn-sm btn-${level}`, data: { id: session.id }, onclick: () => focus(session.id) }, session.candidate.name, h("span", { class: "flagged-why" }, flags[0].text))),
    ),
  );
  if (focused) $(`[data-id="${focused}"]`, list)?.focus();
}

function counts() {
  const states = [...tiles.values()].map((tile) => tile.item.session.state);
  const count = (...wanted) => states.filter((state) => wanted.includes(state)).length;
  const facts = [
    [t("wait for you"), count("waiting", "identifying"), "wants"],
    [t("running"), count("running", "paused", "admitted")],
  ];
  $("#counts").replaceChildren(...facts.filter(([, n]) => n).map(([word, n, name]) => h("li", { class: name ?? "" }, h("b", {}, String(n)), word)));
}

function put(item) {
  const { id } = item.session;
  if (!tiles.has(id)) tiles.set(id, new CamTile(id));
  const tile = tiles.get(id);
  const before = tile.flags?.map((flag) => flag.text) ?? null;
  tile.show(item);
  const news = before && tile.flags.find((flag) => !before.includes(flag.text));
  if (news) announce(t("{name}: {state}", { name: item.session.candidate.name, state: news.text }));
}

function remove(id) {
  const tile = tiles.get(id);
  if (!tile) return;
  const next = (tile.element.nextElementSibling ?? tile.element.previousElementSibling)?.dataset.id;
  const focused = tile.element.contains(document.activeElement);
  tile.remove();
  tiles.delete(id);
  if (focused && next) focus(next);
}

const current = new LiveList(
  async () => items(await get("/proctoring/grid")),
  (item) => item.session.id,
);

/** A tile's item after news of its session; none when it is not one of the own that are on. */
function withSession(item, session) {
  if (item && Date.parse(session.server_now) < Date.parse(item.session.server_now)) return item;
  if (session.proctor?.id !== me || !NOW.includes(session.state)) return undefined;
  return { ...(item ?? { chat: null, gaps: 0, gap_ms: 0 }), session };
}

function changed(session) {
  const { id } = session;
  current.heard(id, (item) => withSession(item, session));
  if (!loaded) return;
  const before = tiles.get(id)?.item;
  const now = withSession(before, session);
  if (now === before) return;
  if (!now) remove(id);
  else {
    if (before && before.session.state !== session.state) announce(t("{name}: {state}", { name: session.candidate.name, state: stateWord(session.state) }));
    put(now);
    // what happened in it before it was here the server knows
    if (!before) askSoon();
  }
  place();
}

/** The undecided incidents of a tile after one more entry. */
function after(incidents, kind, { incident_id: id, detector, severity }) {
  const others = incidents.filter((one) => one.id !== id);
  const known = others.length < incidents.length;
  if (kind === "incident.decided") return others;
  return known || kind === "incident.opened" ? [...others, { id, detector, severity }] : incidents;
}

/** A tile's item after one more entry of its session's log. */
function withEntry(item, { kind, data, ...entry }) {
  if (!item) return undefined;
  const { incidents = [], silent = [] } = item;
  if (kind === "chat") return { ...item, chat: { ...entry, data } };
  if (kind.startsWith("incident.")) return { ...item, incidents: after(incidents, kind, data) };
  if (kind === "monitoring.silent") return { ...item, silent: [...new Set([...silent, ...data.detectors])] };
  if (kind === "monitoring.live") return { ...item, silent: silent.filter((one) => !data.detectors.includes(one)) };
  return item;
}

function heard({ session_id: id, ...entry }) {
  const { kind, data } = entry;
  current.heard(id, (item) => withEntry(item, entry));
  const item = tiles.get(id)?.item;
  if (!item) return;
  put(withEntry(item, entry));
  // what of it is filled meanwhile the server knows
  if (["gap.noted", "segment.backfilled"].includes(kind)) askSoon();
  if (WANTS_A_LOOK({ kind, data })) {
    const text = t("{name}: {state}", { name: item.session.candidate.name, state: detectorWord(data.detector) });
    toast(text, { tone: severityTone(data.severity), href: `/desk/${id}` });
  }
  place();
}

/** Several reasons to ask come at once. */
function askSoon() {
  askAgain ||= setTimeout(load, ASK_AGAIN_MS);
}

async function load() {
  clearTimeout(askAgain);
  askAgain = 0;
  try {
    const found = await current.ask();
    if (!found) return;
    loaded = true;
    for (const id of [...tiles.keys()]) if (!found.has(id)) remove(id);
    for (const item of found.values()) put(item);
    place();
    say($("#problem"), "");
  } catch (error) {
    say($("#problem"), error.message);
  }
  show($("#loading"), false);
}

function focus(id) {
  const link = tiles.get(id)?.link;
  if (!link) return;
  for (const other of $$(".cam-link")) other.tabIndex = -1;
  link.tabIndex = 0;
  link.focus();
}

/** Where an arrow leads: along the row, or to the same column of the next row. */
function towards(key, links, index) {
  const columns = links.filter((link) => link.getBoundingClientRect().top === links[0].getBoundingClientRect().top).length;
  return { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + columns, ArrowUp: index - columns, Home: 0, End: links.length - 1 }[key];
}
$("#tiles").addEventListener("keydown", (event) => {
  const links = $$(".cam-link", $("#tiles"));
  const to = links[towards(event.key, links, links.indexOf(event.target.closest(".cam-link")))];
  if (!to || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  focus(to.closest(".cam").dataset.id);
});

$("#flagged-first").checked = localStorage.getItem(KEPT) === "on";
$("#flagged-first").addEventListener("change", (event) => {
  localStorage.setItem(KEPT, event.target.checked ? "on" : "off");
  place();
});

soundSwitch($("#flag-sound"));
setInterval(() => tiles.forEach((tile) => tile.tick()), 1000);
clock.keepTime();
load();
connect({ watch: [["watch_day", {}]], refetch: load, on: { session: changed, entry: heard } });
