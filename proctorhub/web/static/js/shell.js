// What every page has: theme switch, language switch, menus that close.

import { forget } from "./media/ring-store.js";

// signed out: nothing of a sitting stays on this computer, but for one that a page still has open
if (!document.body.dataset.userId) forget();

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function kept() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

system.addEventListener("change", () => {
  if (!kept()) root.dataset.bsTheme = system.matches ? "dark" : "light";
});

document.querySelector("#theme")?.addEventListener("click", () => {
  const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = next;
  try {
    // choosing what the system already wants means following the system again
    if ((next === "dark") === system.matches) localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // the choice then lasts as long as the page
  }
});

document.querySelector("#language")?.addEventListener("change", (event) => event.target.form.submit());

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
