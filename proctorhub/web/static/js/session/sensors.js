// The sensors behind the candidate's signals: each starts, tells, and can be stopped. `here` marks those that
// say something only while the exam is taken on this page.

import { $ } from "../lib/dom.js";

const LOOK_MS = 500;
const SHARE_GRACE_MS = 3000;

/** Look again and again, and at these events; tell what a look found. */
function level(found, ...events) {
  return (tell) => {
    const look = () => {
      const news = found();
      if (news !== null) tell(typeof news === "boolean" ? { on: news } : news);
    };
    const timer = setInterval(look, LOOK_MS);
    for (const [target, name] of events) target.addEventListener(name, look);
    look();
    return () => {
      clearInterval(timer);
      for (const [target, name] of events) target.removeEventListener(name, look);
    };
  };
}

/** Something happens and is over. */
function event(names, counts = () => true) {
  return (tell) => {
    const heard = (happened) => counts(happened) && tell({});
    for (const name of names) document.addEventListener(name, heard, true);
    return () => {
      for (const name of names) document.removeEventListener(name, heard, true);
    };
  };
}

const track = (id) => $(id)?.srcObject?.getVideoTracks().find((one) => one.readyState === "live") ?? null;

function shareStopped() {
  let since = 0;
  return level(() => {
    if (track("#screen-video")) since = 0;
    else since ||= performance.now();
    return since > 0 && performance.now() - since > SHARE_GRACE_MS;
  });
}

function fullscreenLeft() {
  let entered = false;
  return level(() => {
    if (document.fullscreenElement) entered = true;
    return entered && !document.fullscreenElement;
  }, [document, "fullscreenchange"]);
}

const OPENS_TOOLS = ["i", "j", "c"];
const tools = ({ key, ctrlKey, shiftKey, metaKey, altKey }) =>
  key === "F12" || (((ctrlKey && shiftKey) || (metaKey && altKey)) && OPENS_TOOLS.includes(key.toLowerCase()));

export const SENSORS = [
  { kind: "tab_hidden", here: true, start: level(() => document.hidden, [document, "visibilitychange"]) },
  { kind: "focus_lost", here: true, start: level(() => !document.hidden && !document.hasFocus(), [window, "blur"], [window, "focus"]) },
  { kind: "fullscreen_left", here: true, start: (tell) => fullscreenLeft()(tell) },
  { kind: "clipboard", start: event(["copy", "cut", "paste"]) },
  { kind: "devtools", start: event(["keydown"], tools) },
  // a browser that does not say how many displays there are leaves it unchecked
  { kind: "second_display", start: level(() => screen.isExtended ?? null) },
  { kind: "share_stopped", start: (tell) => shareStopped()(tell) },
  {
    kind: "share_not_monitor",
    start: level(() => {
      const surface = track("#screen-video")?.getSettings().displaySurface;
      return surface ? surface !== "monitor" : null;
    }),
  },
  {
    kind: "virtual_camera",
    start: level(() => {
      const label = track("#camera-video")?.label;
      return label ? { on: true, label: label.slice(0, 200) } : null;
    }),
  },
];
