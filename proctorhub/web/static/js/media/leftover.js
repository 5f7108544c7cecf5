// What an earlier visit kept of a session that is over by now: a candidate whose network or computer
// came back too late still sends what is missing, then it goes.

import { Backfill } from "./backfill.js";
import { Ring } from "./ring.js";
import { forget, holds } from "./ring-store.js";

// settling what is missing takes seconds, sending it may take longer
export const LAST_UPLOAD_MS = 60_000;
const KEPT_MS = 10 * 60_000;

export async function sendLeft({ id, finished_at: finishedAt }, now) {
  if (!finishedAt || now - Date.parse(finishedAt) > KEPT_MS) return forget((kept) => kept === id);
  if (!(await holds(id))) return undefined;
  const ring = new Ring(id);
  await new Backfill({ sessionId: id, ring, onAir: () => true }).close(LAST_UPLOAD_MS);
  return ring.wipe();
}
