// For lists that no live event tells of: look again while somebody looks, and when they come back.

const EVERY_MS = 10_000;

export function keepFresh(load) {
  const again = () => document.hidden || load();
  setInterval(again, EVERY_MS);
  addEventListener("focus", again);
  document.addEventListener("visibilitychange", again);
  return load();
}
