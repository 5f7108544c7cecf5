// A form with one text: sent once however often one presses, by return as well, and what is typed meanwhile stays.

import { $, busy } from "./dom.js";

/** `send(text)` stores it, or throws; `onProblem(error)` hears why not. */
export function writing({ form, field, send, onProblem }) {
  async function take() {
    const written = field.value;
    if (!written.trim()) return;
    try {
      await send(written.trim());
      if (field.value.startsWith(written)) field.value = field.value.slice(written.length);
    } catch (error) {
      onProblem(error);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy($("button", form), take);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
