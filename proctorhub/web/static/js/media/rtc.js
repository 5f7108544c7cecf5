// What sending (WHIP, RFC 9725) and watching (WHEP) have in common: one offer, one answer, one
// Location to delete, and a watchdog that notices silence before the browser does.

import { Offline, problemOf } from "../lib/api.js";

const GATHER_MS = 1500;
const ANSWER_MS = 4000;
const END_MS = 3000;
const CONNECT_MS = 6000;
const LOOKS_PER_SILENCE = 5;

/** Candidates are few on a campus network; waiting briefly for all spares the trickle round trips. */
function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function connected(pc) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Offline()), CONNECT_MS);
    const look = () => {
      if (pc.connectionState === "connected") {
        clearTimeout(timer);
        resolve();
      } else if (["failed", "closed"].includes(pc.connectionState)) {
        clearTimeout(timer);
        reject(new Offline());
      }
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}

/** A connection that goes the way its ticket says: directly, or through a TURN server. */
export function connectionFor({ ice_servers: iceServers, ice_transport_policy: iceTransportPolicy }) {
  return new RTCPeerConnection({ iceServers, iceTransportPolicy, bundlePolicy: "max-bundle" });
}

/** Negotiate `pc` at a WHIP or WHEP address. Resolves once media flows, with a function that ends it. */
export async function negotiate(pc, { url, ticket }) {
  await pc.setLocalDescription();
  await gathered(pc);
  const authorization = { Authorization: `Bearer ${ticket}` };
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", ...authorization },
      body: pc.localDescription.sdp,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    throw new Offline();
  }
  if (response.status !== 201) throw await problemOf(response);
  const location = new URL(response.headers.get("Location") ?? "", url).href;
  const end = () => {
    // the node is told first: closing would make it forget the address that is to be deleted
    fetch(location, { method: "DELETE", headers: authorization, keepalive: true, signal: AbortSignal.timeout(END_MS) })
      .catch(() => {})
      .finally(() => pc.close());
  };
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    await connected(pc);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/**
 * `onChange(false)` when nothing has arrived from the other side for `silenceMs`, `onChange(true)` when
 * it speaks again; `onDead` once when the connection is beyond hope. Returns a stop function.
 */
export function watchdog(pc, { silenceMs, onChange, onDead, onStats }) {
  let last = -1;
  let since = performance.now();
  let timer = 0;
  let over = false;
  let silent = false;
  const stop = () => {
    over = true;
    clearInterval(timer);
  };
  const dead = () => {
    if (over) return;
    stop();
    onDead();
  };
  pc.addEventListener("connectionstatechange", () => {
    if (["failed", "closed"].includes(pc.connectionState)) dead();
  });
  timer = setInterval(async () => {
    const report = await pc.getStats().catch(() => null);
    if (over || !report) return;
    let arrived = 0;
    const figures = { video: 0, audio: 0, frames: 0, available: null };
    for (const stat of report.values()) {
      // receiver reports, STUN answers and media all count as a sign of life
      if (stat.type === "candidate-pair" && stat.state === "succeeded") {
        // kbit/s that the browser believes the line to carry
        if (stat.nominated && stat.availableOutgoingBitrate) figures.available = stat.availableOutgoingBitrate / 1000;
        arrived += (stat.bytesReceived ?? 0) + (stat.responsesReceived ?? 0) + (stat.requestsReceived ?? 0);
      }
      if (stat.type === "inbound-rtp" || stat.type === "outbound-rtp") {
        figures[stat.kind] += stat.bytesReceived ?? stat.bytesSent ?? 0;
        figures.frames += stat.framesDecoded ?? stat.framesSent ?? 0;
      }
    }
    if (arrived !== last) {
      last = arrived;
      since = performance.now();
    }
    const quiet = performance.now() - since > silenceMs;
    if (quiet !== silent) {
      silent = quiet;
      onChange(!silent);
    }
    if (!over && !silent) onStats?.(figures);
  }, silenceMs / LOOKS_PER_SILENCE);
  return stop;
}
