// Can this picture be read? Brightness, glare and sharpness, measured in the page and judged against limits.
// Pure functions on pixels: a picture comes in WIDTH pixels wide, so that blur counts in parts of a document.

export const WIDTH = 640;

const CELL = 16;
const BURNT = 250;
const BURNT_SHARE = 0.9;
const STEP = 4;
const STRONG = 0.98;

/** What a picture must have. Below a sharpness of 0.31 the lines of a passport are no longer read (tried with OCR). */
export const LIMITS = {
  document: { dark: 55, bright: 225, glare: 0.012, detail: 25, sharpness: 0.31, pixels: 400 },
  face: { dark: 45, bright: 215, glare: 1, detail: 15, sharpness: 0, pixels: 240 },
};

/** RGBA bytes → grey bytes (BT.601). */
export function grey(rgba) {
  const found = new Uint8Array(rgba.length / 4);
  for (let at = 0, from = 0; at < found.length; at += 1, from += 4) {
    found[at] = (rgba[from] * 299 + rgba[from + 1] * 587 + rgba[from + 2] * 114) / 1000;
  }
  return found;
}

/** The value that a share of all lies at or below, of a histogram of bytes. */
function quantile(histogram, share) {
  const wanted = histogram.reduce((sum, count) => sum + count, 0) * share;
  let seen = 0;
  for (let value = 0; value < histogram.length; value += 1) {
    seen += histogram[value];
    if (seen >= wanted) return value;
  }
  return histogram.length - 1;
}

/**
 * How much of a strong edge rises within one pixel, of what rises within STEP: 1 is as sharp as can be, 0.25 is
 * blurred. Contrast and weak noise leave it as it is. `detail` is the strong edge itself, in levels.
 */
function edges(pixels, width, height) {
  const near = new Uint32Array(256);
  const far = new Uint32Array(256);
  for (let y = 0; y < height - STEP; y += 1) {
    for (let x = 0; x < width - STEP; x += 1) {
      const at = y * width + x;
      const here = pixels[at];
      near[Math.max(Math.abs(pixels[at + 1] - here), Math.abs(pixels[at + width] - here))] += 1;
      far[Math.max(Math.abs(pixels[at + STEP] - here), Math.abs(pixels[at + STEP * width] - here))] += 1;
    }
  }
  const detail = quantile(far, STRONG);
  return { detail, sharpness: detail ? quantile(near, STRONG) / detail : 0 };
}

/** The share of the picture that light has burnt white, in cells that show nothing else. */
function glare(pixels, width, height) {
  let burnt = 0;
  let cells = 0;
  for (let top = 0; top + CELL <= height; top += CELL) {
    for (let left = 0; left + CELL <= width; left += CELL) {
      let white = 0;
      for (let y = top; y < top + CELL; y += 1) {
        for (let x = left; x < left + CELL; x += 1) white += pixels[y * width + x] >= BURNT;
      }
      cells += 1;
      burnt += white >= BURNT_SHARE * CELL * CELL;
    }
  }
  return cells ? burnt / cells : 0;
}

/** Grey bytes → {brightness 0–255, glare 0–1, sharpness 0–1, detail 0–255}. */
export function measure(pixels, width, height) {
  const brightness = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  return { brightness, glare: glare(pixels, width, height), ...edges(pixels, width, height) };
}

/** What is wrong with a picture, the first to be mended first. `pixels` is how wide it was before scaling. */
export function problems({ brightness, glare: burnt, sharpness, detail, pixels }, limits) {
  const found = {
    dark: brightness < limits.dark,
    bright: brightness > limits.bright,
    empty: detail < limits.detail,
    glare: burnt > limits.glare,
    small: pixels < limits.pixels,
    blurred: sharpness < limits.sharpness,
  };
  const wrong = Object.keys(found).filter((name) => found[name]);
  // without anything to see there is no edge that could be sharp
  return wrong.includes("empty") ? wrong.filter((name) => name !== "blurred") : wrong;
}
