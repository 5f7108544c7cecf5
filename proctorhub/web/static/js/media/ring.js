// The last minutes of what is on air, recorded on this computer as well: should the network fail,
// just what is missing can be sent afterwards. Chunks stand alone: each begins with a keyframe.

import { now } from "../lib/clock.js";
import { RingStore } from "./ring-store.js";

const CHUNK_MS = 5000;
const SLICE_MS = 1000;
const LONGEST_OVERLAP_MS = 2000;
const KEYFRAME_MS = 2000;
// Chromium's recorder spends as much time on a VP8 frame as its rate allows; fewer frames cost less.
const FRAME_RATE = { camera: 8, screen: 2 };
// what is sent is what the media node records: only the same codec joins with it
const CONTAINER = { vp8: "video/webm;codecs=vp8", h264: "video/x-matroska;codecs=avc1" };

const typeOf = (stream, { video }) => `${CONTAINER[video.codec]}${stream.getAudioTracks().length ? ",opus" : ""}`;
// a source is off as soon as one of its tracks is: its page stops the others
const live = (stream) => stream.getTracks().every((track) => track.readyState === "live");

/** The same picture with fewer frames; the sound is shared. */
function slowed(stream, source) {
  const pictures = stream.getVideoTracks().map((track) => {
    const copy = track.clone();
    copy.applyConstraints({ frameRate: { max: FRAME_RATE[source] } }).catch(() => {});
    return copy;
  });
  return new MediaStream([...pictures, ...stream.getAudioTracks()]);
}

/** One source's recorders: the next one delivers before the last one stops, so that nothing is lost. */
class Tape {
  // each recorder, and what resolves when it has delivered all
  #running = new Map();
  #over = false;

  constructor(stream, source, sending, { onChunk, onFailed }) {
    this.stream = slowed(stream, source);
    this.sending = sending;
    this.source = source;
    this.onChunk = onChunk;
    this.onFailed = onFailed;
    this.#begin(null);
  }

  #begin(before) {
    if (this.#over) return;
    if (!live(this.stream)) {
      this.end();
      return;
    }
    const recorder = new MediaRecorder(this.stream, {
      mimeType: typeOf(this.stream, this.sending),
      videoBitsPerSecond: this.sending.video.kbit * 1000,
      audioBitsPerSecond: this.sending.audioKbit * 1000,
      videoKeyFrameIntervalDuration: KEYFRAME_MS,
    });
    const slices = [];
    let followed = false;
    const relieve = () => {
      if (before?.state === "recording") before.stop();
      // or each recorder would keep all before it in memory
      before = null;
    };
    // a screen on which nothing moves may give no data for a while
    recorder.onstart = () => setTimeout(relieve, LONGEST_OVERLAP_MS);
    recorder.ondataavailable = ({ data }) => {
      if (data.size) {
        slices.push(data);
        relieve();
      }
      // slices set the pace, not a timer: timers are slowed down while the page is hidden
      if (followed || recorder.state !== "recording" || now() - startedAt < CHUNK_MS) return;
      followed = true;
      this.#begin(recorder);
    };
    const delivered = new Promise((resolve) => {
      recorder.onstop = async () => {
        const endedAt = now();
        if (slices.length) await this.onChunk(this.source, startedAt, endedAt, new Blob(slices));
        this.#running.delete(recorder);
        resolve();
      };
      recorder.onerror = ({ error }) => {
        this.onFailed(this.source, error);
        this.#running.delete(recorder);
        resolve();
      };
    });
    this.#running.set(recorder, delivered);
    // its clock begins here: a busy browser says `start` much later
    const startedAt = now();
    recorder.start(SLICE_MS);
  }

  /** Stop; resolves when the last chunk is kept. */
  async end() {
    this.#over = true;
    for (const recorder of this.#running.keys()) {
      // one whose tracks are gone has stopped by itself
      if (recorder.state !== "inactive") recorder.stop();
    }
    // the camera's light goes out with the last copy of its track, whatever keeping still takes
    for (const track of this.stream.getVideoTracks()) track.stop();
    await Promise.all(this.#running.values());
  }
}

export class Ring {
  #tapes = new Map();
  #failing = new Set();
  #store;

  /** `onKeeping(whether)` hears when something cannot be kept, and when all is kept again. */
  constructor(sessionId, onKeeping = () => {}) {
    this.onKeeping = onKeeping;
    // where the browser keeps nothing (private windows of some), there is just no second chance
    this.#store = RingStore.open(sessionId).catch((error) => this.#failed("store", error));
  }

  /** Told once until it works again. */
  #failed(part, error) {
    if (this.#failing.has(part)) return;
    this.#failing.add(part);
    console.warn(`The last minutes are not kept on this computer (${part}):`, error);
    this.onKeeping(false);
  }

  #works(part) {
    if (this.#failing.delete(part)) this.onKeeping(!this.#failing.size);
  }

  /** Record this source from now on, instead of what was recorded of it before. */
  keep(source, stream, sending) {
    this.drop(source);
    if (typeof MediaRecorder === "undefined" || !MediaRecorder.isTypeSupported(typeOf(stream, sending))) return;
    const onChunk = (...chunk) => this.#add(...chunk);
    const onFailed = (...what) => this.#failed(...what);
    this.#tapes.set(source, new Tape(stream, source, sending, { onChunk, onFailed }));
  }

  /** Chunks are as large as what is sent. */
  apply(source, sending) {
    const tape = this.#tapes.get(source);
    if (tape) tape.sending = sending;
  }

  /** Record it no more; what is kept of it stays. */
  async drop(source) {
    const tape = this.#tapes.get(source);
    this.#tapes.delete(source);
    await tape?.end();
  }

  async #add(source, startedAt, endedAt, blob) {
    const store = await this.#store;
    if (!store) return;
    const times = { startedAt: Math.round(startedAt), endedAt: Math.round(endedAt) };
    try {
      await store.add({ source, ...times, data: await blob.arrayBuffer() });
      this.#works(source);
    } catch (error) {
      // a full disk costs this chunk, not the exam
      this.#failed(source, error);
    }
  }

  async between(source, from, to) {
    return (await this.#store)?.between(source, from, to) ?? [];
  }

  async read(id) {
    return (await this.#store)?.read(id) ?? null;
  }

  /** Stop recording; what is kept stays until it is wiped. */
  async end() {
    await Promise.all([...this.#tapes.keys()].map((source) => this.drop(source)));
  }

  async wipe() {
    await this.end();
    await (await this.#store)?.wipe();
  }
}
