// Writing a note: stored once however often one presses, and what is typed meanwhile stays.

import { $, busy } from "../lib/dom.js";

/** `store(text)` keeps the note; `onProblem(error)` hears why not. */
export function noteForm({ store, onProblem }) {
  const form = $("#note-form");
  const field = $("#note-text");

  async function keep() {
    const written = field.value;
    if (!written.trim()) return;
    try {
      await store(written.trim());
      if (field.value.startsWith(written)) field.value = field.value.slice(written.length);
    } catch (error) {
      onProblem(error);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy($("button", form), keep);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
