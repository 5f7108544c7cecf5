// The JSON API: answers as objects, problems as typed errors with one sentence for the person.

import { t } from "./t.js";

const BASE = "/api/v1";
const meta = document.querySelector('meta[name="csrf-token"]');

export class Problem extends Error {
  constructor({ status = 0, code = "unknown", detail, field = null, state = null }) {
    super(detail || t("This did not work. Please try again."));
    this.status = status;
    this.code = code;
    this.field = field;
    this.state = state;
  }
}

/** The server could not be reached at all. */
export class Offline extends Problem {
  constructor() {
    super({ code: "offline", detail: t("The server cannot be reached. Check your network; nothing was lost.") });
  }
}

export async function problemOf(response) {
  const type = response.headers.get("Content-Type") || "";
  const body = type.includes("json") ? await response.json().catch(() => ({})) : {};
  const fallback =
    response.status >= 500
      ? t("Something went wrong on our side. Try again in a moment.")
      : t("This did not work ({status}).", { status: response.status });
  return new Problem({ ...body, status: response.status, detail: body.detail || body.title || fallback });
}

/** What a server that is overtaken or being restarted answers; asking again soon helps. */
const PASSING = [0, 502, 503, 504];
const AGAIN_AFTER_MS = [500, 2000];
const ANSWERS_WITHIN_MS = 15_000;

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

/** Ask, and ask again when nobody answered: a question changes nothing. */
export async function get(path) {
  for (const ms of AGAIN_AFTER_MS) {
    try {
      return await question(path);
    } catch (error) {
      if (!PASSING.includes(error.status)) throw error;
    }
    await pause(ms);
  }
  return question(path);
}

const question = (path) => call("GET", path, undefined, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });

async function call(method, path, body, { signal, keepalive, priority } = {}) {
  const headers = { Accept: "application/json" };
  const options = { method, headers, signal, keepalive, priority, credentials: "same-origin", cache: "no-store" };
  if (method !== "GET") headers["X-CSRF-Token"] = meta?.content || "";
  if (body instanceof FormData || body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path.startsWith("/") ? BASE + path : path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Offline();
  }
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return null;
  return response.json();
}

export const post = (path, body = {}, options) => call("POST", path, body, options);
export const put = (path, body, options) => call("PUT", path, body, options);
export const patch = (path, body) => call("PATCH", path, body);
export const del = (path) => call("DELETE", path);

/** Lists come as {items: […]} or as a plain array. */
export const items = (answer) => (Array.isArray(answer) ? answer : (answer?.items ?? []));
