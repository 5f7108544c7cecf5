// Live events: one socket per page, websocket only. After every (re)connection the page subscribes
// again and refetches, so what happened meanwhile is never missed.

import { io } from "socket.io-client";
import { alertNow, announce } from "./announce.js";
import { $, setText } from "./dom.js";
import { t } from "./t.js";

const OFFLINE_AFTER_MS = 2500;

export function connect({ watch, refetch, on = {} }) {
  const indicator = $("#link-state");
  let everOnline = false;
  let offlineTimer = null;

  function show(state, text) {
    document.documentElement.dataset.link = state;
    if (!indicator) return;
    indicator.dataset.link = state;
    setText($("[data-text]", indicator) ?? indicator, text);
  }

  const socket = io({
    transports: ["websocket"],
    reconnectionDelay: 300,
    reconnectionDelayMax: 3000,
    timeout: 5000,
  });

  async function subscribe() {
    for (const [event, payload] of watch) {
      const answer = await socket.timeout(5000).emitWithAck(event, payload).catch(() => null);
      if (answer && answer.ok === false) show("offline", answer.detail ?? t("No live changes"));
    }
    await refetch();
  }

  socket.on("connect", () => {
    clearTimeout(offlineTimer);
    offlineTimer = null;
    show("online", t("Live"));
    if (everOnline) announce(t("Connected again."));
    everOnline = true;
    subscribe().catch(() => {});
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
    lost();
    // the server closes on purpose when it stops; the client library would not try again by itself
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 500);
  });
  socket.on("connect_error", lost);
  addEventListener("online", () => socket.connected || socket.connect());

  for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
  return socket;
}
