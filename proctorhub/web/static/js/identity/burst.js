// A burst: small pictures of the camera, ten to fifteen a second, each after a wait of its own. A script that
// plays a film keeps time better than that.

import { t } from "../lib/t.js";
import { jpeg } from "../media/stills.js";

const WIDTH = 640;
const QUALITY = 0.75;
const WAIT_MS = [66, 96];

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Take pictures for so many seconds → [{image, at_ms}]. `onPicture(at_ms)` hears of each; `signal` ends it early.
 * Throws when the page is hidden meanwhile (browsers slow it down then) or the camera gives nothing.
 */
export async function burst(video, seconds, { onPicture, signal }) {
  if (!video.videoWidth) throw new Error(t("There is no picture to take a still of."));
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(WIDTH, video.videoWidth);
  canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
  const paper = canvas.getContext("2d");
  const taken = [];
  const began = performance.now();
  const now = () => performance.now() - began;
  while (now() < seconds * 1000 && !signal.aborted) {
    if (document.hidden || !video.videoWidth) throw new Error(t("The moves were interrupted. Stay on this page and do them again."));
    const at = now();
    paper.drawImage(video, 0, 0, canvas.width, canvas.height);
    taken.push({ image: await jpeg(canvas, QUALITY), at_ms: Math.round(at) });
    onPicture(at);
    await wait(Math.max(0, WAIT_MS[0] + Math.random() * (WAIT_MS[1] - WAIT_MS[0]) - (now() - at)));
  }
  return taken;
}

/** A burst as the server takes it: one part of bytes, and where each picture in it lies. */
export function packed(taken) {
  return {
    bytes: new Blob(taken.map(({ image }) => image), { type: "application/octet-stream" }),
    index: taken.map(({ image, at_ms }) => ({ length: image.size, at_ms })),
  };
}
