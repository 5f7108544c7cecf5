// When low-bandwidth mode is offered, and when the offer goes away: by what the line carries, and for how long.

import { roomy, tooSlow } from "../media/sending.js";

export const POOR_FOR_MS = 12_000;
export const GOOD_FOR_MS = 20_000;
// the browser finds out during its first seconds what a line carries
export const WARM_UP_MS = 15_000;

/** A line of which nothing is known yet. */
export const UNKNOWN = { begun: null, poorSince: null, goodSince: null, offered: false };

/** What is known after hearing, at a time in ms, that it carries so many kbit/s for a source's `video`. */
export function heard(line, at, kbit, video) {
  const begun = line.begun ?? at;
  const poor = tooSlow(kbit, video) && at - begun >= WARM_UP_MS;
  const poorSince = poor ? line.poorSince ?? at : null;
  const goodSince = roomy(kbit, video) ? line.goodSince ?? at : null;
  const longPoor = poor && at - poorSince >= POOR_FOR_MS;
  const longGood = goodSince !== null && at - goodSince >= GOOD_FOR_MS;
  return { begun, poorSince, goodSince, offered: longPoor || (line.offered && !longGood) };
}
