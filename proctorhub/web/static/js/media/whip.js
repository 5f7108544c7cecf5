// Sending one stream to the media node (WHIP, RFC 9725).

import { connectionFor, negotiate } from "./rtc.js";
import { offer, tune } from "./sending.js";

/** `sending`: how much of it, as `partOf` in sending.js says. */
export async function send({ stream, issued, sending }) {
  const pc = connectionFor(issued);
  try {
    offer(pc, stream, sending);
    const end = await negotiate(pc, issued);
    await tune(pc, sending);
    return { pc, end };
  } catch (error) {
    pc.close();
    throw error;
  }
}
