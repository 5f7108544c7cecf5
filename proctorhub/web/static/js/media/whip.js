// Sending one stream to the media node (WHIP, RFC 9725).

import { connectionFor, negotiate } from "./rtc.js";

export const VIDEO_KBIT = { camera: 600, screen: 900, proctor: 500, check: 600 };

async function limit(pc, source) {
  for (const sender of pc.getSenders()) {
    if (sender.track?.kind !== "video") continue;
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) continue;
    parameters.encodings[0].maxBitrate = VIDEO_KBIT[source] * 1000;
    if (source === "screen") parameters.degradationPreference = "maintain-resolution";
    // some browsers refuse one of the two; sending goes on with their own choice
    await sender.setParameters(parameters).catch(() => {});
  }
}

export async function send({ stream, source, issued }) {
  const pc = connectionFor(issued);
  try {
    for (const track of stream.getTracks()) {
      pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    }
    const end = await negotiate(pc, issued);
    await limit(pc, source);
    return { pc, end };
  } catch (error) {
    pc.close();
    throw error;
  }
}
