// Can this picture be read? Brightness, glare and sharpness, measured in the page and judged against limits.
// Pure functions on pixels: a picture comes in WIDTH pixels wide, so that blur counts in parts of a document.

export const WIDTH = 640;

const CELL = 16;
const BURNT = 250;
const BURNT_SHARE = 0.9;
const STEP = 8;
/** So large a share of all steps from pixel to pixel is smaller than those of print. */
const STRONG = 0.995;

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

/** The strong step in grey levels between pixels so many across and down from each other. */
function strong(pixels, width, height, across, down) {
  const steps = new Uint32Array(256);
  const by = down * width + across;
  for (let y = 0; y < height - down; y += 1) {
    const last = y * width + width - Math.max(0, across);
    for (let at = y * width + Math.max(0, -across); at < last; at += 1) steps[Math.abs(pixels[at + by] - pixels[at])] += 1;
  }
  return quantile(steps, STRONG);
}

const ratio = (one, other) => Math.min(one, other) / Math.max(one, other, 1);

/**
 * `detail`: the strong step between pixels STEP apart. `sharpness`: how much of it rises from one pixel to the next;
 * 1 is as sharp as can be, 0.125 is blurred, and contrast leaves it as it is. The worse direction counts, for what is
 * shaken stays sharp along the shake. `steadiness`: how alike edges are in all directions; 1 is steady.
 */
function edges(pixels, width, height) {
  const step = (across, down) => strong(pixels, width, height, across, down);
  const [across, down] = [step(1, 0), step(0, 1)];
  const [farAcross, farDown] = [step(STEP, 0), step(0, STEP)];
  return {
    detail: Math.max(farAcross, farDown),
    sharpness: Math.min(across / Math.max(farAcross, 1), down / Math.max(farDown, 1)),
    steadiness: Math.min(ratio(across, down), ratio(step(1, 1), step(-1, 1))),
  };
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

/** Grey bytes → {brightness 0–255, glare 0–1, detail 0–255, sharpness 0–1, steadiness 0–1}. */
export function measure(pixels, width, height) {
  const brightness = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  return { brightness, glare: glare(pixels, width, height), ...edges(pixels, width, height) };
}

/**
 * What is wrong with a picture, the first to be mended first. `pixels` is how wide it was before scaling. Lines all
 * one way (a bar code, say) make edges unlike as shaking does, but leave them sharp.
 */
export function problems({ brightness, glare: burnt, detail, sharpness, steadiness, pixels }, limits) {
  const shaken = steadiness < limits.steadiness && sharpness < limits.shaken;
  const found = {
    dark: brightness < limits.dark,
    bright: brightness > limits.bright,
    empty: detail < limits.detail,
    glare: burnt > limits.glare,
    small: pixels < limits.pixels,
    shaken,
    blurred: !shaken && sharpness < limits.sharpness,
  };
  const wrong = Object.keys(found).filter((name) => found[name]);
  // without anything to see there is no edge that could be sharp
  return wrong.includes("empty") ? wrong.filter((name) => !["shaken", "blurred"].includes(name)) : wrong;
}
