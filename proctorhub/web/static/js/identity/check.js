// The candidate's identity check, led step by step: document, face, moves, result. Every step has a way on, and
// a proctor can always do it instead.

import { get, post } from "../lib/api.js";
import { $, $$, busy, h, say, setIcon, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { advice } from "./advice.js";
import { burst, packed } from "./burst.js";
import { guide, look, still } from "./frame.js";
import { Prompts } from "./moves.js";

const LOOK_MS = 350;
/** After so many pictures that the page refused, the candidate may use one all the same. */
const TRIES = 3;
const STEP = { document: 0, "document-taken": 0, face: 1, "face-taken": 1, moves: 2, moving: 2, sending: 3, pending: 3, verified: 4, needs_human_review: 4, rejected: 4 };
const KIND = { document: "document", "document-taken": "document", face: "face", "face-taken": "face" };
const ENDS = ["verified", "needs_human_review", "rejected"];
const OPEN = ["waiting", "identifying"];
const BUSY = ["document", "document-taken", "face", "face-taken", "moves", "moving"];
/** The server will not take another check; what it has says why. */
const SETTLED = ["identity_by_people", "check_pending", "already_verified", "no_attempts_left"];

const list = (element) => element.dataset.part.split(" ");
/** What the server is told of a picture's quality. */
const told = ({ brightness, glare, sharpness, steadiness, detail, width, height, problems, low }) => ({ brightness, glare, sharpness, steadiness, detail, width, height, problems, low });

export class IdentityCheck {
  #at = "intro";
  #open = false;
  #taken = {};
  #refused = 0;
  #seen = [];
  #newest = { state: "none" };
  #known = "";
  #moving = new AbortController();
  #asked = 0;

  constructor({ sessionId }) {
    this.path = `/sessions/${sessionId}`;
    this.root = $("#identity-check");
    this.limits = JSON.parse(this.root.dataset.pictureLimits);
    this.video = $("#identity-video");
    const on = (name, work) => $(`#identity-${name}`).addEventListener("click", (event) => this.#do(event.currentTarget, work));
    on("begin", () => this.#go("document"));
    on("take", () => this.#take());
    on("use", () => this.#use());
    on("anyway", () => this.#use());
    on("again", () => this.#go(KIND[this.#at]));
    on("moves", () => this.#move());
    on("retry", () => this.#retry());
    on("leave", () => this.#leave());
    for (const change of ["loadedmetadata", "resize"]) this.video.addEventListener(change, () => this.#place());
    setInterval(() => this.#advise(), LOOK_MS);
  }

  /** Follow the session: the check is open while the candidate waits and is identified. */
  async session({ state, exam, identity_check: check }) {
    const open = OPEN.includes(state) && exam.tier !== "none" && exam.identity.software;
    const known = JSON.stringify([open, check]);
    if (known === this.#known) return;
    this.#known = known;
    this.#open = open;
    show(this.root, open);
    if (open) await this.load();
    else this.#moving.abort();
  }

  /** Whether the candidate is in the middle of it: nothing else may take the focus. */
  get going() {
    return this.#open && this.root.contains(document.activeElement);
  }

  /** Show the newest result. */
  async load() {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const newest = await get(`${this.path}/identity`);
      // an answer that was overtaken by a later question must not win
      if (asked === this.#asked) this.#result(newest);
    } catch (error) {
      say($("#identity-problem"), error.message);
    }
  }

  #result(newest) {
    this.#newest = newest;
    const { state, reasons = [] } = newest;
    if (state === "none") return this.#go("intro", { focus: false });
    $("#identity-reasons").replaceChildren(...reasons.map((reason) => h("li", {}, reason.sentence)));
    // who has begun again is not torn out of it
    if (!BUSY.includes(this.#at)) this.#go(state, { focus: this.going });
    return undefined;
  }

  async #do(button, work) {
    await busy(button, async () => {
      say($("#identity-problem"), "");
      try {
        await work();
      } catch (error) {
        say($("#identity-problem"), error.message);
      }
    });
  }

  #go(part, { focus = true } = {}) {
    this.#at = part;
    this.#seen = [];
    this.root.dataset.at = part;
    for (const element of $$("[data-part]", this.root)) show(element, list(element).includes(part));
    const step = STEP[part] ?? -1;
    $$(".identity-parts li", this.root).forEach((item, index) => {
      item.dataset.at = index < step ? "past" : index === step || (index === 3 && step === 4) ? "now" : "next";
      if (item.dataset.at === "now") item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    const attempts = this.#newest.attempts_left ?? 0;
    const over = ENDS.includes(part);
    show($("#identity-retry"), over && part !== "verified" && attempts > 0);
    show($("#identity-left"), over && part !== "verified");
    setText($("#identity-left"), attempts ? t("Tries left: {count}", { count: attempts }) : t("No tries left; the proctor goes on from here."));
    show($("#identity-reasons"), over && $("#identity-reasons").childElementCount > 0);
    this.video.classList.toggle("mirror", ["face", "moves", "moving"].includes(part));
    this.#shown(KIND[part], part.endsWith("-taken"));
    if (!focus) return;
    const heading = $$("h3", this.root).find((one) => one.checkVisibility());
    heading?.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** The picture that was taken, or the live one with the guide in it. */
  #shown(kind, taken) {
    const picture = $("#identity-picture");
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
    if (taken) picture.src = URL.createObjectURL(this.#taken[kind].image);
    picture.alt = kind === "document" ? t("The picture of your document") : t("The picture of your face");
    show(picture, taken);
    show(this.video, !taken);
    show($("#identity-guide"), Boolean(kind) && !taken);
    $("#identity-guide").dataset.kind = kind ?? "";
    const wrong = taken ? this.#taken[kind].problems : [];
    $("#identity-advice").dataset.state = taken && !wrong.length ? "good" : "";
    setText($("#identity-advice"), taken ? this.#verdict(kind, wrong) : "");
    show($("#identity-use"), taken && !wrong.length);
    show($("#identity-anyway"), taken && wrong.length > 0 && this.#refused >= TRIES);
    this.#place();
  }

  #verdict(kind, wrong) {
    if (!wrong.length) return kind === "document" ? t("The page finds it sharp. Look yourself: name, number and photograph must be readable.") : t("Look yourself: nothing may cover your face.");
    const words = [advice(wrong, kind), this.#refused >= TRIES && t("You may use it all the same; then a proctor will look at it.")];
    return words.filter(Boolean).join(" ");
  }

  /** Lay the guide where the picture is judged. */
  #place() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const kind = KIND[this.#at];
    if (!width) return;
    $(".identity-tile", this.root).style.aspectRatio = `${width} / ${height}`;
    if (!kind) return;
    const at = guide(kind, width, height);
    const share = { left: at.x / width, top: at.y / height, width: at.width / width, height: at.height / height };
    for (const [name, value] of Object.entries(share)) $("#identity-guide").style[name] = `${value * 100}%`;
  }

  /** Say what to mend, once the same was seen twice. */
  #advise() {
    const kind = KIND[this.#at];
    if (!this.#open || kind !== this.#at || document.hidden || !this.video.videoWidth) return;
    const { problems } = look(this.video, kind, this.limits);
    const now = problems[0] ?? "good";
    this.#seen = [this.#seen.at(-1), now];
    if (this.#seen[0] !== now) return;
    $("#identity-guide").dataset.state = now;
    $("#identity-advice").dataset.state = now;
    setText($("#identity-advice"), advice(problems, kind));
  }

  async #take() {
    const kind = this.#at;
    const taken = await still(this.video, kind, this.limits);
    if (taken.problems.length) this.#refused += 1;
    this.#taken[kind] = taken;
    this.#go(`${kind}-taken`);
  }

  #use() {
    const kind = KIND[this.#at];
    this.#taken[kind].low = this.#taken[kind].problems.length > 0;
    this.#refused = 0;
    this.#go(kind === "document" ? "face" : "moves");
  }

  #retry() {
    this.#taken = {};
    this.#go("document");
  }

  #leave() {
    this.#moving.abort();
    this.#go("left");
  }

  async #move() {
    const challenge = await this.#challenge();
    if (!challenge) return;
    this.#go("moving");
    try {
      const prompts = new Prompts(challenge.steps, (prompt) => this.#prompt(prompt, challenge.steps.length));
      this.#moving = new AbortController();
      const { signal } = this.#moving;
      const pictures = await burst(this.video, challenge.seconds, { onPicture: (at) => prompts.at(at), signal });
      if (signal.aborted) return;
      await this.#send(challenge, pictures);
    } catch (error) {
      // what was taken is kept; the moves belong to their challenge and are done again
      this.#go("moves");
      throw error;
    }
  }

  /** Begin a challenge; null when the server has a result already or leaves it to people. */
  async #challenge() {
    try {
      return await post(`${this.path}/identity/challenge`);
    } catch (error) {
      if (!SETTLED.includes(error.code)) throw error;
      this.#at = "intro";
      await this.load();
      return null;
    }
  }

  #prompt({ number, sign, sentence, left }, count) {
    setIcon($("#identity-prompt"), sign);
    setText($("#identity-ask"), sentence);
    $("#identity-time").value = left;
    $("#identity-prompt").dataset.rest = String(!number);
    setText($("#identity-count"), number ? t("{number} of {count}", { number, count }) : "");
  }

  async #send({ nonce }, pictures) {
    this.#go("sending");
    const { bytes, index } = packed(pictures);
    const form = new FormData();
    form.set("document", this.#taken.document.image, "document.jpg");
    form.set("selfie", this.#taken.face.image, "selfie.jpg");
    form.set("burst", bytes, "burst.bin");
    form.set("index", JSON.stringify({ nonce, burst: index, quality: { document: told(this.#taken.document), selfie: told(this.#taken.face) } }));
    await post(`${this.path}/verify-identity`, form);
    await this.load();
  }
}
