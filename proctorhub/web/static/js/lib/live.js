// Live events: one socket per page, websocket only. After every (re)connection the page subscribes
// again and refetches, so what happened meanwhile is never missed. It calls itself live once the server has
// agreed to tell it; a page that is refused says why, and tries again.

import { io } from "socket.io-client";
import { alertNow, announce } from "./announce.js";
import { $, setText } from "./dom.js";
import { t } from "./t.js";

const OFFLINE_AFTER_MS = 2500;
const ANSWERED_WITHIN_MS = 5000;
const AGAIN_MS = 2000;
const AGAIN_AT_MOST_MS = 10_000;

/** Why there are no live changes; that there is no such session the page itself says. */
const wordsOf = (problem) => (problem?.status !== 404 && problem?.detail) || t("No live changes");

export function connect({ watch, refetch, on = {} }) {
  const indicator = $("#link-state");
  let everLive = false;
  let offlineTimer = null;
  let againTimer = null;
  let pause = AGAIN_MS;

  function show(state, text) {
    document.documentElement.dataset.link = state;
    if (!indicator) return;
    indicator.dataset.link = state;
    setText($("[data-text]", indicator) ?? indicator, text);
  }

  function calm() {
    clearTimeout(offlineTimer);
    clearTimeout(againTimer);
    offlineTimer = null;
  }

  const socket = io({
    transports: ["websocket"],
    reconnectionDelay: 300,
    reconnectionDelayMax: 3000,
    timeout: 5000,
  });

  function live() {
    pause = AGAIN_MS;
    show("online", t("Live"));
    if (everLive) announce(t("Connected again."));
    everLive = true;
  }

  function refused(words, again) {
    calm();
    if (document.documentElement.dataset.link !== "refused") alertNow(words);
    show("refused", words);
    // spread, so that pages that were refused together do not come together again
    againTimer = setTimeout(again, pause * (0.5 + Math.random()));
    pause = Math.min(2 * pause, AGAIN_AT_MOST_MS);
  }

  async function subscribe() {
    const { id } = socket;
    const answers = [];
    for (const [event, payload] of watch) {
      // no answer in time is none either
      answers.push(await socket.timeout(ANSWERED_WITHIN_MS).emitWithAck(event, payload).catch(() => null));
    }
    // whatever came of a connection that is gone: the next one subscribes for itself
    if (socket.id !== id) return;
    const bad = answers.findIndex((answer) => answer?.ok !== true);
    if (bad < 0) live();
    else refused(wordsOf(answers[bad]), subscribe);
    await refetch();
  }

  socket.on("connect", () => {
    calm();
    subscribe();
  });

  function lost() {
    if (offlineTimer) return;
    show("connecting", t("Connecting…"));
    offlineTimer = setTimeout(() => {
      show("offline", t("Offline – trying again"));
      alertNow(t("The connection to the server is lost. Trying again."));
    }, OFFLINE_AFTER_MS);
  }
  socket.on("disconnect", (reason) => {
    calm();
    lost();
    // the server closes on purpose when it stops; the client library would not try again by itself
    if (reason === "io server disconnect") againTimer = setTimeout(() => socket.connect(), 500);
  });
  socket.on("connect_error", (error) => {
    // refused by the server itself, in words; the client library would not try again either
    if (socket.active) lost();
    else refused(error.message, () => socket.connect());
  });
  addEventListener("online", () => socket.connected || socket.connect());

  for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
  return socket;
}
