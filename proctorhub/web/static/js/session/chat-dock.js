// The candidate's chat as an overlay: folded away until needed, with a count and a preview of what came.

import { $, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { Chat } from "./chat.js";

const PREVIEW_MS = 9000;

export class ChatDock {
  #unread = 0;
  #timer = 0;

  constructor(sessionId, { onUnread }) {
    this.onUnread = onUnread;
    this.dock = $("#chat-dock");
    this.panel = $("#chat-panel");
    this.toggle = $("#chat-toggle");
    this.preview = $("#chat-preview");
    this.chat = new Chat({ root: $("#chat"), sessionId, onArrival: (entry) => this.#arrived(entry) });
    this.toggle.addEventListener("click", () => (this.panel.hidden ? this.open() : this.close()));
    this.preview.addEventListener("click", () => this.open());
    $("#chat-close").addEventListener("click", () => this.close());
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  open() {
    show(this.panel);
    show(this.preview, false);
    this.toggle.setAttribute("aria-expanded", "true");
    this.#count(0);
    this.chat.list.scrollTop = this.chat.list.scrollHeight;
    this.chat.input.focus();
  }

  close() {
    show(this.panel, false);
    this.toggle.setAttribute("aria-expanded", "false");
    this.toggle.focus();
  }

  #count(unread) {
    this.#unread = unread;
    const badge = $("#chat-unread");
    show(badge, unread > 0);
    setText(badge, unread ? t("{unread} new", { unread }) : "");
    this.onUnread(unread);
  }

  #arrived(entry) {
    if (!this.panel.hidden || entry.kind !== "chat") return;
    this.#count(this.#unread + 1);
    setText(this.preview, `${entry.actor?.name ?? t("Proctor")}: ${entry.data.text}`);
    show(this.preview);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => show(this.preview, false), PREVIEW_MS);
  }
}
