// Stills at full resolution: as the media node recorded them, or else as the <video> shows them.

import { post } from "../lib/api.js";
import { t } from "../lib/t.js";

const QUALITY = 0.92;
const NODE_MS = 4000;

/** What a <video> shows now, at its own size. */
export function shown(video) {
  if (!video.videoWidth) throw new Error(t("There is no picture to take a still of."));
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas;
}

export async function jpeg(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Error(t("The still could not be made."));
  return blob;
}

const grab = async (video) => jpeg(shown(video));

/** A picture out of the recording, with its time and segment; null where the node gives none. */
async function recorded({ sessionId, source }) {
  const signal = AbortSignal.timeout(NODE_MS);
  const issued = await post(`/sessions/${sessionId}/tickets`, { source, direction: "watch" }, { signal });
  const headers = { Authorization: `Bearer ${issued.ticket}` };
  const response = await fetch(`${issued.still_url}?fresh=1`, { headers, signal });
  if (!response.ok) return null;
  const told = (name) => response.headers.get(name);
  return { image: await response.blob(), frame_at: told("X-Frame-Time"), segment_id: told("X-Segment") };
}

/** Take a still and store it with the session → {id, url, sha256}. */
export async function take(video, { sessionId, source, purpose }) {
  const seen = grab(video);
  seen.catch(() => {});
  const still = (await recorded({ sessionId, source }).catch(() => null)) ?? { image: await seen };
  const form = new FormData();
  form.set("image", still.image, `${purpose}.jpg`);
  form.set("source", source);
  form.set("purpose", purpose);
  for (const name of ["frame_at", "segment_id"]) if (still[name]) form.set(name, still[name]);
  return post(`/sessions/${sessionId}/stills`, form);
}
