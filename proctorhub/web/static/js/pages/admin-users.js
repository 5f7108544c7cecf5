// People: the list, and one dialog for a new or an existing account.

import { get, items, patch, post, put } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { ask } from "../lib/dialog.js";
import { $, h, say, setText, show } from "../lib/dom.js";
import { keepFresh } from "../lib/refresh.js";
import { t } from "../lib/t.js";
import { table } from "../lib/table.js";
import { roleWord } from "../lib/words.js";
import { face, person } from "../session/people.js";

const LARGEST_PHOTO = 4 * 1024 * 1024;
const dialog = $("#user-dialog");
// the moment of the upload makes the browser ask anew
const photos = new Map();
const photoUrl = (user) => (user.has_photo ? `/api/v1/users/${user.id}/photo${photos.get(user.id) ?? ""}` : null);

const rows = table($("#table"), {
  key: "id",
  empty: $("#empty"),
  compare: (a, b) => a.name.localeCompare(b.name),
  columns: [
    { label: t("Name"), sort: (u) => u.name.toLowerCase(), cell: (u) => person({ name: u.name, photo_url: photoUrl(u) }) },
    { label: t("Login"), sort: (u) => u.login, cell: (u) => u.login },
    { label: t("Mail"), cell: (u) => u.email ?? "" },
    { label: t("Roles"), cell: (u) => h("span", { class: "roles" }, ...u.roles.map((role) => h("span", { class: "role" }, roleWord(role)))) },
    { label: t("Account"), cell: (u) => h("span", { class: `badge-state ${u.active ? "tone-ok" : ""}` }, u.active ? t("active") : t("closed")) },
    {
      end: true,
      cell(user) {
        const button = h("button", { class: "btn btn-sm btn-quiet", type: "button", data: { testid: "edit-user" } }, t("Edit"), h("span", { class: "visually-hidden" }, user.name));
        button.addEventListener("click", () => edit(rows.get(user.id)));
        return button;
      },
    },
  ],
});

async function edit(user) {
  const fresh = !user;
  setText($("#user-head"), fresh ? t("New person") : t("Edit {name}", { name: user.name }));
  show($("#password-row"), fresh);
  show($("#active-row"), !fresh);
  const saved = await ask(dialog, {
    prepare(form) {
      const { elements } = form;
      for (const name of ["name", "login", "email"]) elements[name].value = user?.[name] ?? "";
      elements.login.readOnly = !fresh;
      elements.active.checked = user?.active ?? true;
      for (const box of elements.roles) box.checked = user ? user.roles.includes(box.value) : box.value === "candidate";
      $("#u-photo").value = "";
      $("#photo-now").replaceChildren(face({ name: user?.name ?? "?", photo_url: user && photoUrl(user) }));
    },
    async submit(data, form) {
      const photo = $("#u-photo").files[0];
      if (photo && photo.size > LARGEST_PHOTO) throw new Error(t("The photograph is larger than 4 MB."));
      const draft = { name: data.get("name").trim(), email: data.get("email").trim(), roles: data.getAll("roles") };
      let next = fresh
        ? await post("/users", { ...draft, login: data.get("login").trim(), password: data.get("password") })
        : await patch(`/users/${user.id}`, { ...draft, active: form.elements.active.checked });
      if (photo) {
        const body = new FormData();
        body.set("image", photo);
        await put(`/users/${next.id}/photo`, body);
        photos.set(next.id, `?${Date.now()}`);
        next = { ...next, has_photo: true };
      }
      return next;
    },
  });
  if (!saved?.id) return;
  rows.put(saved, { fresh: true });
  announce(t("Saved."));
}

function wanted(user) {
  const text = $("#filter-text").value.trim().toLowerCase();
  const role = $("#filter-role").value;
  if (role && !user.roles.includes(role)) return false;
  return !text || `${user.name} ${user.login} ${user.email ?? ""}`.toLowerCase().includes(text);
}
$("#filters").addEventListener("input", () => rows.filter(wanted));
$("#filters").addEventListener("submit", (event) => event.preventDefault());
$("#new").addEventListener("click", () => edit(null));

keepFresh(async () => {
  try {
    rows.replace(items(await get("/users")));
    say($("#unreachable"), "");
  } catch (error) {
    say($("#unreachable"), error.message);
  }
  show($("#loading"), false);
});
