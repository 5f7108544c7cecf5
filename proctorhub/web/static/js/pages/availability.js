// When a proctor is available, and for how many candidates at once.

import { del, get, items, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { $, busy, h, icon, say, setText, show } from "../lib/dom.js";
import { connect } from "../lib/live.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";

const form = $("#form");

function removal(row) {
  const label = t("Remove {day}, {time}", { day: clock.date(row.starts_at), time: clock.time(row.starts_at) });
  const button = h("button", { class: "btn btn-bare btn-sm", type: "button", "aria-label": label, title: t("Remove"), data: { testid: "availability-remove" } }, icon("trash-2"));
  button.addEventListener("click", () =>
    busy(button, async () => {
      try {
        await del(`/availability/${row.id}`);
        rows.remove(row.id);
        announce(t("Removed."));
        say($("#problem"), "");
      } catch (error) {
        say($("#problem"), error.message);
      }
    }),
  );
  return button;
}

const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: (a, b) => a.starts_at.localeCompare(b.starts_at),
  columns: [
    { label: t("Day"), cell: (row) => clock.day(row.starts_at) },
    { label: t("Time"), cell: (row) => `${clock.time(row.starts_at)}–${clock.time(row.ends_at)}` },
    { label: t("At once"), cell: (row) => String(row.capacity) },
    { label: t("Booked"), cell: (row) => String(row.taken) },
    { cell: removal, end: true },
  ],
});

async function load() {
  try {
    rows.replace(items(await get("/availability")));
  } catch (error) {
    say($("#problem"), error.message);
  }
  show($("#loading"), false);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { day, starts_at: from, ends_at: to, capacity } = form.elements;
  const starts = new Date(`${day.value}T${from.value}`);
  const ends = new Date(`${day.value}T${to.value}`);
  if (ends <= starts) ends.setDate(ends.getDate() + 1);
  busy(event.submitter, async () => {
    try {
      const row = await post("/availability", { starts_at: starts.toISOString(), ends_at: ends.toISOString(), capacity: Number(capacity.value) });
      rows.put(row, { fresh: true });
      announce(t("Added."));
      say($("#problem"), "");
    } catch (error) {
      say($("#problem"), error.message);
      form.elements[error.field]?.focus();
    }
  });
});

setText($("#zone"), clock.timeZone());
$("#day").value = clock.localDay();
$("#day").min = clock.localDay();
load();
connect({ watch: [["watch_day", {}]], refetch: load, on: { availability: load } });
