// A burst: small pictures of the camera, ten to fifteen a second, each after a wait of its own. A script that
// plays a film keeps time better than that.

import { t } from "../lib/t.js";

const WIDTH = 640;
const QUALITY = 0.75;
const WAIT_MS = [66, 96];
/** A slow computer makes files of the pictures later than it takes them; this many may wait for that. */
const WAITING = 24;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function small(video) {
  const width = Math.min(WIDTH, video.videoWidth);
  const canvas = new OffscreenCanvas(width, Math.round((width * video.videoHeight) / video.videoWidth));
  canvas.getContext("2d", { alpha: false, willReadFrequently: true }).drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}

/**
 * Take pictures for so many seconds → [{image, at_ms}]. `onPicture(at_ms)` hears of each; `signal` ends it early.
 * Throws when the page is hidden meanwhile (browsers slow it down then) or the camera gives nothing.
 */
export async function burst(video, seconds, { onPicture, signal }) {
  const taken = [];
  const began = performance.now();
  const now = () => performance.now() - began;
  while (now() < seconds * 1000 && !signal.aborted) {
    if (document.hidden || !video.videoWidth) throw new Error(t("The moves were interrupted. Stay on this page and do them again."));
    const at = now();
    taken.push({ image: small(video), at_ms: Math.round(at) });
    onPicture(at);
    await taken.at(-WAITING)?.image;
    await wait(Math.max(0, WAIT_MS[0] + Math.random() * (WAIT_MS[1] - WAIT_MS[0]) - (now() - at)));
  }
  return Promise.all(taken.map(async ({ image, at_ms }) => ({ image: await image, at_ms })));
}

/** A burst as the server takes it: one part of bytes, and where each picture in it lies. */
export function packed(taken) {
  return {
    bytes: new Blob(taken.map(({ image }) => image), { type: "application/octet-stream" }),
    index: taken.map(({ image, at_ms }) => ({ length: image.size, at_ms })),
  };
}
