// News that want a look, for some seconds at the edge of the page; with a sound for those who want one.

import { alertNow, announce } from "./announce.js";
import { h } from "./dom.js";

const SHOWN_MS = 8000;
const MOST = 4;
const KEPT = "flag-sound";
const TONE_HZ = 660;
const TONE_S = 0.18;

let box = null;

export const soundOn = () => localStorage.getItem(KEPT) === "on";

/** A switch for the sound; remembered by the browser. */
export function soundSwitch(input) {
  input.checked = soundOn();
  input.addEventListener("change", () => {
    localStorage.setItem(KEPT, input.checked ? "on" : "off");
    if (input.checked) beep();
  });
}

function beep() {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: TONE_HZ });
  const volume = new GainNode(context, { gain: 0.2 });
  volume.gain.setTargetAtTime(0, context.currentTime + TONE_S / 2, TONE_S / 6);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + TONE_S);
  tone.addEventListener("ended", () => context.close());
}

/** Show a line; `href` makes it a link. A quiet one interrupts nobody. */
export function toast(text, { tone = "tone-warn", href, quiet = false } = {}) {
  box ??= document.body.appendChild(h("div", { class: "toasts", data: { testid: "toasts" } }));
  const line = h(href ? "a" : "div", { class: `toast-line ${tone}`, href }, text);
  box.append(line);
  while (box.children.length > MOST) box.firstChild.remove();
  setTimeout(() => line.remove(), SHOWN_MS);
  if (quiet) return announce(text);
  alertNow(text);
  if (soundOn()) beep();
  return undefined;
}
