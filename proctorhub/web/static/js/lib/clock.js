// Server time in the browser: the offset is taken from the quickest of a few questions.

import { get } from "./api.js";
import { language, t } from "./t.js";

let offset = 0;
let best = Infinity;

export const now = () => Date.now() + offset;

export async function synchronise(times = 3) {
  for (let i = 0; i < times; i += 1) {
    const asked = Date.now();
    const answer = await get("/time").catch(() => null);
    if (!answer) return;
    const trip = Date.now() - asked;
    if (trip <= best) {
      best = trip;
      offset = Date.parse(answer.now) + trip / 2 - Date.now();
    }
  }
  // an old measurement must not win for ever: clocks drift and laptops sleep
  best += 20;
}

/** Keep in step for as long as the page lives. */
export function keepTime() {
  synchronise();
  setInterval(synchronise, 60_000, 1);
  document.addEventListener("visibilitychange", () => document.hidden || synchronise(1));
}

/** 3725 seconds → "1:02:05"; below an hour "62:05" is never shown, it is "2:05". */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return parts[0] ? `${parts[0]}:${two(parts[1])}:${two(parts[2])}` : `${parts[1]}:${two(parts[2])}`;
}

/** Seconds left of a session, or null before its start. A pause stops the clock. */
export function secondsLeft(session) {
  if (!session?.ends_at) return null;
  const at = session.state === "paused" && session.paused_at ? Date.parse(session.paused_at) : now();
  return (Date.parse(session.ends_at) - at) / 1000;
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
// the page's language in the person's own country: 14:00 in London, 2 PM in New York
const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
const format = (options) => new Intl.DateTimeFormat(locale, options);
const TIME = format({ hour: "2-digit", minute: "2-digit" });
const SECOND = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const DATE = format({ day: "numeric", month: "short", year: "numeric" });
const MOMENT = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const as = (formatter) => (value) => (value ? formatter.format(new Date(value)) : "—");
export const time = as(TIME);
export const second = as(SECOND);
export const day = as(DAY);
export const date = as(DATE);
export const moment = as(MOMENT);
export const timeZone = () => zone;

/** The local calendar day as YYYY-MM-DD. */
export function localDay(value = Date.now()) {
  const d = new Date(value);
  return [d.getFullYear(), String(d.getMonth() + 1).padStart(2, "0"), String(d.getDate()).padStart(2, "0")].join("-");
}

/** When a local calendar day, YYYY-MM-DD, begins and ends; some have 23 or 25 hours, and begin at one. */
export function dayBounds(day) {
  const [year, month, date] = day.split("-").map(Number);
  const [from, to] = [date, date + 1].map((one) => new Date(year, month - 1, one).toISOString());
  return { from, to };
}

/** "in 5 minutes", "3 hours ago" in words. */
export function relative(value) {
  const seconds = (Date.parse(value) - now()) / 1000;
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const steps = [["day", 86_400], ["hour", 3600], ["minute", 60]];
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit);
  }
  return t("now");
}
