// Several recordings on one clock. One of them leads, the others follow it; where a source has no
// recording, its picture says so and the clock goes on without it.

import { $, show } from "../lib/dom.js";

const SLACK_S = 0.25;
const TOGETHER_MS = 3000;
const LEADERS = ["camera", "screen", "proctor"];

export class Player {
  #lanes = new Map();
  #playing = false;
  #rate = 1;
  #beat = 0;

  /** sources as the report gives them; `onTime(ms)` hears the position since `from`. */
  constructor(sources, { onTime, onPlaying }) {
    this.onTime = onTime;
    this.onPlaying = onPlaying;
    for (const source of LEADERS) {
      const parts = sources
        .filter((item) => item.source === source)
        .map((item) => ({ url: item.url, from: Date.parse(item.starts_at), to: Date.parse(item.ends_at) }))
        .sort((a, b) => a.from - b.from);
      const tile = $(`.replay-tile[data-source="${source}"]`);
      show(tile, parts.length > 0);
      if (!parts.length) continue;
      const video = $("video", tile);
      this.#lanes.set(source, { parts, tile, video, part: null });
    }
    const all = [...this.#lanes.values()].flatMap((lane) => lane.parts);
    this.from = Math.min(...all.map((part) => part.from));
    this.to = Math.max(...all.map((part) => part.to));
    this.position = this.from;
  }

  get empty() {
    return this.#lanes.size === 0;
  }
  get duration() {
    return this.to - this.from;
  }
  /** Where to begin: sources start a moment apart, and the first picture should show all of them. */
  get firstView() {
    const starts = [...this.#lanes.values()].map((lane) => lane.parts[0].from - this.from);
    return Math.max(...starts.filter((ms) => ms < TOGETHER_MS));
  }
  get playing() {
    return this.#playing;
  }
  get sources() {
    return [...this.#lanes.keys()];
  }

  video(source) {
    return this.#lanes.get(source)?.video;
  }

  /** Choose the part of a lane that covers the position and load it. */
  #aim(lane) {
    const part = lane.parts.find((p) => this.position >= p.from && this.position < p.to) ?? null;
    if (part && part !== lane.part) {
      lane.part = part;
      lane.video.src = part.url;
      lane.video.playbackRate = this.#rate;
    }
    lane.tile.dataset.state = part ? "on" : "none";
    show($("[data-none]", lane.tile), !part);
    if (!part && !lane.video.paused) lane.video.pause();
    return part;
  }

  #follow(lane, slack) {
    const part = this.#aim(lane);
    if (!part) return;
    const wanted = (this.position - part.from) / 1000;
    if (Math.abs(lane.video.currentTime - wanted) > slack) lane.video.currentTime = wanted;
  }

  seek(ms) {
    this.position = Math.min(this.to, Math.max(this.from, this.from + ms));
    for (const lane of this.#lanes.values()) this.#follow(lane, 0.02);
    this.onTime(this.position - this.from);
    if (this.#playing) this.#start();
  }

  set rate(value) {
    this.#rate = value;
    for (const lane of this.#lanes.values()) lane.video.playbackRate = value;
  }

  toggle() {
    if (this.#playing) this.pause();
    else this.play();
  }

  play() {
    if (this.position >= this.to - 50) this.seek(0);
    this.#playing = true;
    this.#start();
    this.onPlaying(true);
    let last = performance.now();
    const beat = (at) => {
      if (!this.#playing) return;
      this.#beat = requestAnimationFrame(beat);
      this.#step((at - last) * this.#rate);
      last = at;
    };
    cancelAnimationFrame(this.#beat);
    this.#beat = requestAnimationFrame(beat);
  }

  #start() {
    for (const lane of this.#lanes.values()) {
      if (this.#aim(lane) && lane.video.paused) lane.video.play().catch(() => {});
    }
  }

  pause() {
    this.#playing = false;
    cancelAnimationFrame(this.#beat);
    for (const lane of this.#lanes.values()) lane.video.pause();
    this.onPlaying(false);
  }

  #leader() {
    for (const lane of this.#lanes.values()) {
      if (this.#aim(lane) && !lane.video.error) return lane;
    }
    return null;
  }

  #step(elapsed) {
    const leader = this.#leader();
    if (!leader) this.position += elapsed;
    else if (leader.video.ended) this.position = leader.part.to;
    else if (!leader.video.seeking) this.position = leader.part.from + leader.video.currentTime * 1000;
    const ready = !leader || leader.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || leader.video.ended;
    for (const lane of this.#lanes.values()) {
      if (lane === leader) {
        if (lane.video.paused && !lane.video.ended) lane.video.play().catch(() => {});
        continue;
      }
      // while the leader waits for data the others wait with it
      if (!ready) lane.video.pause();
      else if (this.#aim(lane)) {
        if (!lane.video.seeking) this.#follow(lane, SLACK_S * Math.max(1, this.#rate));
        if (lane.video.paused && !lane.video.ended) lane.video.play().catch(() => {});
      }
    }
    this.onTime(this.position - this.from);
    if (this.position >= this.to) this.pause();
  }
}
