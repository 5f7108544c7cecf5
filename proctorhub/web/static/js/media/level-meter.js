// How loud a microphone is, as a number from 0 to 1 and on a <meter>.

const FLOOR_DB = -60;

export class LevelMeter {
  #context;
  #analyser;
  #source = null;
  #samples;
  #frame = 0;

  constructor(onLevel) {
    this.onLevel = onLevel;
    this.peak = 0;
  }

  start(stream) {
    this.stop();
    if (!stream.getAudioTracks().length) return;
    this.#context = new AudioContext();
    // a context made without a press starts asleep
    this.#context.resume().catch(() => {});
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
    let last = 0;
    const tick = (at) => {
      this.#frame = requestAnimationFrame(tick);
      if (at - last < 80) return;
      last = at;
      this.onLevel(this.#read());
    };
    this.#frame = requestAnimationFrame(tick);
  }

  #read() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const db = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    const level = Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
    this.peak = Math.max(this.peak, level);
    return level;
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#source?.disconnect();
    this.#context?.close().catch(() => {});
    this.#context = null;
    this.#source = null;
  }
}
