// Building elements without innerHTML, so that no text from anywhere can become markup.

const SVG = "http://www.w3.org/2000/svg";
const SPRITE = new URL("../../vendor/lucide-1.62.0/icons.svg", import.meta.url).pathname;

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name, className = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${className}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(holder, name) {
  const use = holder.querySelector("use");
  const wanted = `${SPRITE}#${name}`;
  if (use && use.getAttribute("href") !== wanted) use.setAttribute("href", wanted);
}

/** Set text only when it differs: a screen reader repeats what is written again. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function show(element, visible = true) {
  if (element && element.hidden === visible) element.hidden = !visible;
}

/** Show one sentence in a `notice` box, or hide the box when there is none. */
export function say(box, sentence) {
  if (!box) return;
  setText(box.querySelector("p"), sentence || "");
  show(box, Boolean(sentence));
}

/** Run something while its button is busy; a second press does nothing meanwhile. */
export async function busy(button, work) {
  if (button?.getAttribute("aria-busy") === "true") return undefined;
  button?.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** Fill a parent around one child that stays in its place: what leaves the document loses its focus and what is half typed. */
export function around(parent, kept, before, after) {
  if (kept.parentNode !== parent) parent.append(kept);
  for (const child of [...parent.childNodes]) if (child !== kept) child.remove();
  kept.before(...before);
  kept.after(...after);
}
