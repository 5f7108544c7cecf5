// Native <dialog> with a form: open it, get the form's data or null when it was closed.

import { $, say } from "./dom.js";

function closeButtons(dialog) {
  if (dialog.dataset.wired) return;
  dialog.dataset.wired = "yes";
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}

/** Open for reading only. */
export function open(dialog) {
  closeButtons(dialog);
  if (!dialog.open) dialog.showModal();
}

/**
 * Open a form. `submit(data)` may throw a Problem: its sentence is then shown in the dialog, which
 * stays open. Resolves with what `submit` returned, or null.
 */
export function ask(dialog, { prepare, submit }) {
  closeButtons(dialog);
  const form = $("form", dialog);
  const problem = $("[role=alert]", dialog);
  form.reset();
  say(problem, "");
  prepare?.(form);
  return new Promise((resolve) => {
    let result = null;
    async function onSubmit(event) {
      event.preventDefault();
      const button = event.submitter;
      if (form.dataset.busy) return;
      form.dataset.busy = "yes";
      button?.setAttribute("aria-busy", "true");
      try {
        result = (await submit(new FormData(form), form)) ?? true;
        dialog.close();
      } catch (error) {
        say(problem, error.message);
        const field = error.field && form.elements[error.field];
        if (field?.focus) field.focus();
      } finally {
        delete form.dataset.busy;
        button?.removeAttribute("aria-busy");
      }
    }
    form.addEventListener("submit", onSubmit);
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", onSubmit);
        resolve(result);
      },
      { once: true },
    );
    dialog.showModal();
  });
}
