// How a person is shown in a list: a small face or initials, and the name.

import { h } from "../lib/dom.js";

export function initials(name) {
  return name
    .split(/\s+/)
    .filter(Boolean)
    .map((part) => part[0])
    .slice(0, 2)
    .join("")
    .toUpperCase();
}

export function face({ name, photo_url: photo }) {
  return photo
    ? h("img", { class: "who-face", src: photo, alt: "", width: "34", height: "34", loading: "lazy" })
    : h("span", { class: "who-face", "aria-hidden": "true" }, initials(name || "?"));
}

export const person = (who, ...more) => h("span", { class: "who" }, face(who), h("span", {}, who.name, ...more));
