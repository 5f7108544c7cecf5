// The way to the exam itself: in a tab of its own, or here on the page, where full screen is possible.

import { $, show } from "../lib/dom.js";

export class ExamDoor {
  #url = null;

  /** `onPlace(elsewhere)` hears where the exam is taken. */
  constructor({ onPlace }) {
    const button = $("#exam-embed");
    button.addEventListener("click", () => {
      const here = button.getAttribute("aria-pressed") !== "true";
      this.embed(here);
      if (here) onPlace(false);
    });
    $("#exam-open").addEventListener("click", () => onPlace(true));
    $("#exam-full").addEventListener("click", () => $("#exam-here").requestFullscreen().catch(() => {}));
  }

  lead(url) {
    this.#url = url;
    for (const id of ["#exam-open", "#exam-embed"]) show($(id), Boolean(url));
    if (url) $("#exam-open").href = url;
  }

  /** Show the exam here or not; `keep` leaves it loaded while it is out of sight. */
  embed(visible, { keep = false } = {}) {
    const frame = $("#exam-frame");
    $("#exam-embed").setAttribute("aria-pressed", String(visible));
    if (visible && !frame.src) frame.src = this.#url;
    if (!visible && !keep) frame.removeAttribute("src");
    show($("#exam-here"), visible);
  }
}
