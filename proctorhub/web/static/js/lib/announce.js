// Says things to screen readers that others see change.

function into(id, text) {
  const region = document.getElementById(id);
  if (!region) return;
  region.textContent = "";
  // a new text in the next turn is read even if it equals the last one
  setTimeout(() => (region.textContent = text), 60);
}

export const announce = (text) => into("announce-polite", text);
export const alertNow = (text) => into("announce-now", text);
