// Watching one source through the media node (WHEP).

import { connectionFor, negotiate } from "./rtc.js";

export async function watch({ issued, audio = true }) {
  const pc = connectionFor(issued);
  const stream = new MediaStream();
  pc.addEventListener("track", (event) => stream.addTrack(event.track));
  pc.addTransceiver("video", { direction: "recvonly" });
  if (audio) pc.addTransceiver("audio", { direction: "recvonly" });
  try {
    const end = await negotiate(pc, issued);
    return { pc, end, stream };
  } catch (error) {
    pc.close();
    throw error;
  }
}
