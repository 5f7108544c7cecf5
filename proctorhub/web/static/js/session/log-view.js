// Entries of the log as lines; segments and reads of evidence are too many to list one by one.

import * as clock from "../lib/clock.js";
import { h, icon } from "../lib/dom.js";
import { entryGroup, entryIcon, entryText, entryWord } from "../lib/words.js";

export const listed = (entry) => entryGroup(entry) !== "storage";

export function entryLine(entry) {
  const text = entryText(entry);
  return h(
    "li",
    { class: "log-line", data: { group: entryGroup(entry), kind: entry.kind } },
    h("span", { class: "log-sign" }, icon(entryIcon(entry))),
    h("time", { datetime: entry.at }, clock.second(entry.at)),
    h("div", {}, h("span", { class: "log-what" }, entryWord(entry)), entry.actor?.name && h("span", { class: "soft" }, ` · ${entry.actor.name}`), text && h("p", { class: "log-text" }, text)),
  );
}

/** Append and keep the end in view for whoever is there already. */
export function appendLine(list, line) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  if (atEnd) list.scrollTop = list.scrollHeight;
}
