// Runs before the first paint, so that a dark page never flashes white. Not a module on purpose.
(function () {
  var kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch (refused) {
    // storage may be switched off; the system's wish is used then
  }
  var dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();
