// A page one of whose modules did not arrive does nothing at all, and says nothing: it is loaded again.
// Runs before the modules are asked for. Not a module on purpose.
(function () {
  var PAUSES_MS = [1000, 3000, 10000];
  var KEY = "loads-again";
  var waiting = false;

  function tried() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY)) || 0;
    } catch (refused) {
      return PAUSES_MS.length;
    }
  }

  addEventListener(
    "error",
    function (event) {
      var pause = PAUSES_MS[tried()];
      if (waiting || pause === undefined || !(event.target instanceof HTMLScriptElement)) return;
      waiting = true;
      sessionStorage.setItem(KEY, JSON.stringify(tried() + 1));
      setTimeout(function () {
        location.reload();
      }, pause);
    },
    true,
  );
  addEventListener("load", function () {
    if (!waiting) sessionStorage.removeItem(KEY);
  });
})();
