// Puts player, time line and keyboard together on a page that includes review/_player.html.

import { $, $$, setIcon, show } from "../lib/dom.js";
import { HELD, shortcuts } from "../lib/shortcuts.js";
import { t } from "../lib/t.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";

const STEP_MS = 5000;
const LEAD_IN_MS = 1500;

// what an incident's own line says already
const TOLD_BY_FLAGS = ["incident.opened", "incident.grown", "incident.closed"];

/** Returns `{show(ms)}`: go to a moment, a little before it. */
export function replay({ sources, entries, incidents = [], keys = [] }) {
  const flagged = incidents.map((one) => ({ id: one.id, kind: "incident.opened", at: one.started_at, actor: null, data: one }));
  const listed = [...entries.filter((entry) => entry.at && !TOLD_BY_FLAGS.includes(entry.kind)), ...flagged];
  let timeline = null;
  const player = new Player(sources, {
    onTime: (ms) => timeline?.at(ms),
    onPlaying(playing) {
      setIcon($("#play"), playing ? "pause" : "play");
      $("#play").setAttribute("aria-label", playing ? t("Pause") : t("Play"));
    },
  });
  show($("#no-recordings"), player.empty);
  show($(".replay-controls"), !player.empty);
  const times = listed.map((entry) => Date.parse(entry.at));
  const from = player.empty ? Math.min(...times) : player.from;
  const to = player.empty ? Math.max(...times, from + 1) : player.to;
  timeline = new Timeline({
    from,
    to,
    sources,
    entries: listed,
    incidents,
    // a moment of lead-in, so that one sees how it came about
    onSeek: (ms) => !player.empty && player.seek(ms),
  });
  if (player.empty) return { show() {} };

  const near = (direction) => {
    const ms = timeline.neighbour(direction, player.position - player.from);
    if (ms !== null) player.seek(Math.max(0, ms - LEAD_IN_MS));
  };
  const by = (ms) => player.seek(player.position - player.from + ms);
  $("#play").addEventListener("click", () => player.toggle());
  $("#previous-event").addEventListener("click", () => near(-1));
  $("#next-event").addEventListener("click", () => near(1));
  $("#rate").addEventListener("change", (event) => (player.rate = Number(event.target.value)));
  for (const button of $$("[data-mute]")) {
    const video = player.video(button.dataset.mute);
    const sounding = sources.some((item) => item.source === button.dataset.mute && item.has_audio !== false);
    show(button, Boolean(video) && sounding && button.dataset.mute !== "screen");
    button.addEventListener("click", () => {
      video.muted = !video.muted;
      button.setAttribute("aria-pressed", String(!video.muted));
      setIcon(button, video.muted ? "volume-x" : "volume-2");
    });
  }
  for (const tile of $$(".replay-tile")) tile.addEventListener("dblclick", () => tile.classList.toggle("replay-large"));
  shortcuts([
    ...keys,
    // a page with flags walks through them with j and k
    [keys.length ? " " : "k| ", t("Play or pause"), () => player.toggle()],
    [keys.length ? "ArrowLeft" : "ArrowLeft|j", t("Five seconds back"), () => by(-STEP_MS), HELD],
    ["ArrowRight|l", t("Five seconds on"), () => by(STEP_MS), HELD],
    ["p", t("Previous event"), () => near(-1)],
    ["n", t("Next event"), () => near(1)],
    ["m", t("Sound of the camera on or off"), () => $('[data-mute="camera"]').click()],
  ]);
  player.seek(player.firstView);
  return { show: (at) => player.seek(Math.max(0, at - player.from - LEAD_IN_MS)) };
}
