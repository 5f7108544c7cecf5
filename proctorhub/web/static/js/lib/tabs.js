// Tabs by the ARIA pattern: arrow keys move, the chosen pane shows.

import { $$, show } from "./dom.js";

export function tabs(list) {
  const all = $$('[role="tab"]', list);
  function choose(tab, focus) {
    for (const other of all) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      const pane = document.getElementById(other.getAttribute("aria-controls"));
      show(pane, on);
      if (on) pane.dispatchEvent(new Event("shown"));
    }
    if (focus) tab.focus();
  }
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(all[(to + all.length) % all.length], true);
    });
  });
  return { choose: (id) => choose(document.getElementById(id)) };
}
