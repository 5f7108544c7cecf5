// Texts of the scripts in the person's language: t("Hello {name}", {name}).

const element = document.getElementById("i18n");
const catalogue = element ? JSON.parse(element.textContent) : {};

export const language = document.documentElement.lang || "en";

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function t(text, values = {}) {
  return fill(catalogue[text] || text, values);
}
