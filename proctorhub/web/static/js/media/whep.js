// Watching one source through the media node (WHEP).

import { negotiate } from "./rtc.js";

export async function watch({ url, ticket, audio = true }) {
  const pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  const stream = new MediaStream();
  pc.addEventListener("track", (event) => stream.addTrack(event.track));
  pc.addTransceiver("video", { direction: "recvonly" });
  if (audio) pc.addTransceiver("audio", { direction: "recvonly" });
  try {
    const end = await negotiate(pc, { url, ticket });
    return { pc, end, stream };
  } catch (error) {
    pc.close();
    throw error;
  }
}
