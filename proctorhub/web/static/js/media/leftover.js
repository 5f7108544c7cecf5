// What is missing when a session is over: sent for as long as the server takes it, by the page that saw the
// end or by one that is opened later, because network or computer came back too late; then all of it goes.

import { now } from "../lib/clock.js";
import { Backfill } from "./backfill.js";
import { Ring } from "./ring.js";
import { forget, holds } from "./ring-store.js";

// counted from the end, as the server does
const TAKEN_MS = 10 * 60_000;

const takenUntil = (finishedAt) => Date.parse(finishedAt) + TAKEN_MS;

/** `onState` hears `checking` and `sending`, then, when the page may be closed, `sent` or `late`. */
export async function sendRest({ ring, backfill, finishedAt, onState }) {
  await ring.end();
  const complete = await backfill.close(takenUntil(finishedAt), onState);
  await ring.wipe();
  onState(complete ? "sent" : "late");
}

/** Send what an earlier visit kept of this session, or remove it where it is of no use any more. */
export async function sendLeft({ id, finished_at: finishedAt }, onState) {
  if (!finishedAt || now() > takenUntil(finishedAt)) return forget((kept) => kept === id);
  if (!(await holds(id))) return undefined;
  const ring = new Ring(id);
  const backfill = new Backfill({ sessionId: id, ring, onAir: () => true, tight: () => false });
  return sendRest({ ring, backfill, finishedAt, onState });
}
