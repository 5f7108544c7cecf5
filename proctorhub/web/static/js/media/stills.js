// Stills from a <video> at the full resolution of its pictures.

import { post } from "../lib/api.js";
import { t } from "../lib/t.js";

const QUALITY = 0.92;

export async function grab(video) {
  if (!video.videoWidth) throw new Error(t("There is no picture to take a still of."));
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Error(t("The still could not be made."));
  return blob;
}

/** Take a still and store it with the session → {id, url, sha256}. */
export async function take(video, { sessionId, source, purpose }) {
  const form = new FormData();
  form.set("image", await grab(video), `${purpose}.jpg`);
  form.set("source", source);
  form.set("purpose", purpose);
  return post(`/sessions/${sessionId}/stills`, form);
}
