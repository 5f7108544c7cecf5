// Round trip and uplink to the media node, measured with plain requests.

const TRIPS = 6;
const CHUNK = 256 * 1024;
const UPLINK_MS = 3000;

const auth = (ticket) => ({ Authorization: `Bearer ${ticket}` });

/** Median round trip in milliseconds; the first question pays for the connection and is left out. */
export async function roundTrip({ probe_url: url, ticket }) {
  const trips = [];
  for (let i = 0; i <= TRIPS; i += 1) {
    const asked = performance.now();
    const response = await fetch(url, { headers: auth(ticket), cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!response.ok) throw new Error(String(response.status));
    await response.arrayBuffer();
    if (i) trips.push(performance.now() - asked);
  }
  trips.sort((a, b) => a - b);
  return trips[Math.floor(trips.length / 2)];
}

/** Uplink in kbit/s: as many bodies as three seconds hold, so that a slow line is not flooded. */
export async function uplink({ probe_url: url, ticket }) {
  const body = crypto.getRandomValues(new Uint8Array(65_536));
  const full = new Uint8Array(CHUNK);
  for (let at = 0; at < CHUNK; at += body.length) full.set(body, at);
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < UPLINK_MS && sent < 16 * CHUNK) {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...auth(ticket), "Content-Type": "application/octet-stream" },
      body: full,
      signal: AbortSignal.timeout(15_000),
    });
    if (!response.ok) throw new Error(String(response.status));
    sent += CHUNK;
  }
  return (sent * 8) / (performance.now() - began);
}
