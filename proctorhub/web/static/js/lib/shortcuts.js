// Single-key shortcuts: never while somebody types, never with a modifier, and they can be switched
// off (WCAG 2.1.4), which the browser remembers.

import { open } from "./dialog.js";
import { $, h } from "./dom.js";

const KEPT = "shortcuts";
// what acts on space or return by itself when it has the focus
const PRESSED = "a, button, summary, input, select, [controls], [role=button], [role=switch], [role=checkbox], [role=radio], [role=tab], [role=menuitem], [role=option]";
const enabled = () => localStorage.getItem(KEPT) !== "off";

function typing(target) {
  return target.closest?.("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]");
}

/** A key that goes on while it is held; any other does its work once. */
export const HELD = { held: true };

/** keys: [[key, words, run, HELD or nothing]]; `?` opens the list in `#help-dialog`. */
export function shortcuts(keys) {
  const dialog = $("#help-dialog");
  const shown = (key) => ({ " ": "␣", ArrowLeft: "←", ArrowRight: "→" })[key] ?? key.toUpperCase();
  $("#shortcut-list").replaceChildren(
    ...[["?", $("#help-title").textContent], ...keys].flatMap(([key, words]) => [
      h("dt", {}, ...key.split("|").flatMap((one, i) => [i ? " " : "", h("kbd", {}, shown(one))])),
      h("dd", {}, words),
    ]),
  );
  const toggle = $("#shortcuts-on");
  toggle.checked = enabled();
  toggle.addEventListener("change", () => localStorage.setItem(KEPT, toggle.checked ? "on" : "off"));
  $("#help")?.addEventListener("click", () => open(dialog));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
    if (event.key === "?") {
      event.preventDefault();
      open(dialog);
      return;
    }
    if (!enabled()) return;
    if ([" ", "Enter"].includes(event.key) && event.target.closest(PRESSED)) return;
    const found = keys.find(([key]) => key.split("|").includes(event.key) || key.split("|").includes(event.key.toLowerCase()));
    if (!found) return;
    event.preventDefault();
    const [, , run, { held } = {}] = found;
    if (held || !event.repeat) run(event);
  });
}
