// Access tokens for machines.

import { del, get, items, post } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import * as clock from "../lib/clock.js";
import { ask } from "../lib/dialog.js";
import { $, busy, h, say, setText, show } from "../lib/dom.js";
import { keepFresh } from "../lib/refresh.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";
import { roleWord } from "../lib/words.js";

const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: (a, b) => a.name.localeCompare(b.name),
  columns: [
    { label: t("Name"), cell: (token) => h("strong", {}, token.name) },
    { label: t("Rights of"), cell: (token) => h("span", { class: "roles" }, ...token.roles.map((role) => h("span", { class: "role" }, roleWord(role)))) },
    { label: t("Created"), cell: (token) => clock.moment(token.created_at) },
    {
      end: true,
      cell(token) {
        const button = h("button", { class: "btn btn-sm btn-bad", type: "button", data: { testid: "revoke" } }, t("Revoke"), h("span", { class: "visually-hidden" }, token.name));
        button.addEventListener("click", async () => {
          const gone = await ask($("#revoke-dialog"), { submit: () => del(`/tokens/${token.id}`) });
          if (gone) rows.remove(token.id);
        });
        return button;
      },
    },
  ],
});

$("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const data = new FormData(form);
  busy(event.submitter, async () => {
    try {
      const { token, ...made } = await post("/tokens", { name: data.get("name").trim(), roles: data.getAll("roles") });
      setText($("#secret"), token);
      show($("#created"));
      rows.put({ name: data.get("name"), roles: data.getAll("roles"), created_at: new Date().toISOString(), ...made }, { fresh: true });
      form.reset();
      say($("#problem"), "");
      announce(t("Created. Copy the token now."));
    } catch (error) {
      say($("#problem"), error.message);
      form.elements[error.field]?.focus?.();
    }
  });
});

$("#copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("#secret").textContent);
  setText($("#copy span"), t("Copied"));
});

keepFresh(async () => {
  try {
    rows.replace(items(await get("/tokens")));
    say($("#unreachable"), "");
  } catch (error) {
    say($("#unreachable"), error.message);
  }
  show($("#loading"), false);
});
