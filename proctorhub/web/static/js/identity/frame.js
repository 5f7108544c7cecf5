// Pictures out of the candidate's own camera: whole ones at the track's resolution, and what lies inside the guide.

import { jpeg, shown } from "../media/stills.js";
import { WIDTH, grey, measure, problems } from "./picture-quality.js";

/** Where the guide lies, as shares of the picture: as high as it may be, and its shape (width to height). */
const GUIDES = {
  document: { height: 0.86, width: 0.94, shape: 1.42 },
  face: { height: 0.8, width: 0.6, shape: 0.78 },
};

/** The guide in the pixels of a picture of this size. */
export function guide(kind, width, height) {
  const { height: high, width: wide, shape } = GUIDES[kind];
  const found = Math.min(wide * width, high * height * shape);
  const size = { width: Math.round(found), height: Math.round(found / shape) };
  return { ...size, x: Math.round((width - size.width) / 2), y: Math.round((height - size.height) / 2) };
}

const sizeOf = (source) => [source.videoWidth ?? source.width, source.videoHeight ?? source.height];

/** What was measured inside the guide of a <video> or a canvas, and what is wrong with it by the limits of its kind. */
export function look(source, kind, limits) {
  const { x, y, width, height } = guide(kind, ...sizeOf(source));
  const canvas = new OffscreenCanvas(WIDTH, Math.round((WIDTH * height) / width));
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  paper.imageSmoothingQuality = "high";
  paper.drawImage(source, x, y, width, height, 0, 0, canvas.width, canvas.height);
  const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
  const found = { ...measure(grey(data), canvas.width, canvas.height), pixels: width };
  return { ...found, problems: problems(found, limits[kind]) };
}

/** Take the whole picture → {image: a JPEG, width, height, and what `look` says of it}. */
export async function still(video, kind, limits) {
  const canvas = shown(video);
  return { image: await jpeg(canvas), width: canvas.width, height: canvas.height, ...look(canvas, kind, limits) };
}
