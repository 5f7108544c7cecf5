// The proctor's warnings: they stay until the candidate says to have read them, and take no key from whoever is writing.

import { $, h, show } from "../lib/dom.js";
import { tooSoon } from "../lib/too-soon.js";

const WRITTEN_IN = "input, textarea, select, iframe, [contenteditable]";

export class Warnings {
  #since = 0;
  #from = null;

  constructor(box) {
    this.box = box;
    this.texts = $("[data-texts]", box);
    box.addEventListener("focusin", ({ relatedTarget: left }) => left?.matches(WRITTEN_IN) && (this.#from = left));
    $("button", box).addEventListener("click", (event) => tooSoon(event, this.#since) || this.#read());
  }

  /** One more to read; those that nobody has read yet stay. */
  add(text) {
    this.#since = performance.now();
    this.texts.append(h("p", {}, text));
    show(this.box);
    const { scrollHeight, clientHeight } = this.texts;
    if (scrollHeight > clientHeight) this.texts.tabIndex = 0;
    this.texts.scrollTop = scrollHeight;
    const at = document.activeElement;
    if (this.box.contains(at)) return;
    this.#from = at;
    if (at?.matches(WRITTEN_IN)) return;
    // the box, not its button: a key that was on its way must not press that
    this.box.focus({ preventScroll: true });
  }

  /** Goes back to where somebody was when it came, or to the field they came from. */
  #read() {
    const back = this.box.contains(document.activeElement) ? this.#from : null;
    show(this.box, false);
    this.texts.replaceChildren();
    this.texts.removeAttribute("tabindex");
    back?.focus({ preventScroll: true });
  }
}
