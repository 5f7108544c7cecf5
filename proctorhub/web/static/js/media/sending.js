// How much of a source is sent: pixels, pictures a second, kbit/s and codec as the exam says. All but
// the codec change while it goes on.

/** For sources that no exam speaks of: the proctor's own, and the equipment check outside an exam. */
export const USUAL = {
  camera: { width: 1280, height: 720, frame_rate: 15, kbit: 1000, codec: "vp8" },
  screen: { width: 1280, height: 720, frame_rate: 5, kbit: 900, codec: "vp8" },
  proctor: { width: 640, height: 480, frame_rate: 15, kbit: 500, codec: "vp8" },
  microphone_kbit: 32,
};

const MIME = { vp8: "video/VP8", h264: "video/H264" };
// temporal layers: who looks at one picture a second decodes a quarter of them
const LAYERS = "L1T3";

// a line that carries less than this part of what a source may send is too slow for it
const SHARE = 0.6;

// with more than this there is no doubt that it is fast enough
const ROOMY_SHARE = 0.8;

// and with less than this nothing else may use it
const TIGHT_SHARE = 0.3;

/** Whether a line of so many kbit/s is too slow for a source's `video`. */
export const tooSlow = (kbit, video) => kbit < video.kbit * SHARE;

/** Whether it surely is fast enough. */
export const roomy = (kbit, video) => kbit >= video.kbit * ROOMY_SHARE;

/** Whether such a line leaves no room for anything but the `video`. */
export const tight = (kbit, video) => kbit < video.kbit * TIGHT_SHARE;

/** As a camera is asked for: the nearest it can. */
export const cameraConstraints = ({ width, height, frame_rate: rate }) => ({
  width: { ideal: width },
  height: { ideal: height },
  frameRate: { ideal: rate, max: 30 },
});

/** As a screen is asked for: never more, whatever its size. */
export const screenConstraints = ({ width, height, frame_rate: rate }) => ({
  width: { max: width },
  height: { max: height },
  frameRate: { max: rate },
});

/** What of one source is sent, out of what the session says: {video, audioKbit, screen, low}. */
export const partOf = (media, source) => ({
  video: media[source],
  audioKbit: media.microphone_kbit,
  screen: source === "screen",
  low: Boolean(media.low_bandwidth),
});

/** Chromium pads a screen's line to 100 kbit/s, unless it is told that the picture moves. */
function hint(stream, { screen, low }) {
  for (const track of screen ? stream.getVideoTracks() : []) track.contentHint = low ? "motion" : "detail";
}

function limits(track, { video, audioKbit }) {
  if (track.kind === "audio") return audioKbit === null ? {} : { maxBitrate: audioKbit * 1000 };
  const { width = video.width, height = video.height } = track.getSettings();
  return {
    maxBitrate: video.kbit * 1000,
    maxFramerate: video.frame_rate,
    // a camera that knows only larger pictures
    scaleResolutionDownBy: Math.max(1, width / video.width, height / video.height),
  };
}

function add(pc, track, init, { screen }) {
  const [encoding] = init.sendEncodings;
  if (track.kind === "video" && !screen) {
    try {
      return pc.addTransceiver(track, { ...init, sendEncodings: [{ ...encoding, scalabilityMode: LAYERS }] });
    } catch {
      // a browser without temporal layers sends without
    }
  }
  return pc.addTransceiver(track, init);
}

function prefer(transceiver, codec) {
  const known = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  if (!known || !transceiver.setCodecPreferences) return;
  const first = known.filter((one) => one.mimeType === MIME[codec]);
  transceiver.setCodecPreferences([...first, ...known.filter((one) => !first.includes(one))]);
}

/** Add a stream's tracks to a connection. */
export function offer(pc, stream, sending) {
  hint(stream, sending);
  const wanted = stream.getTracks().filter((track) => track.kind === "video" || sending.audioKbit !== null);
  for (const track of wanted) {
    const init = { direction: "sendonly", streams: [stream], sendEncodings: [limits(track, sending)] };
    const transceiver = add(pc, track, init, sending);
    if (track.kind === "video") prefer(transceiver, sending.video.codec);
  }
}

/** Send this much over a standing connection. */
export async function tune(pc, sending) {
  for (const sender of pc.getSenders()) {
    if (!sender.track) continue;
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) continue;
    Object.assign(parameters.encodings[0], limits(sender.track, sending));
    // faces and documents need detail: a slow line costs pictures a second, not pixels
    if (sender.track.kind === "video") parameters.degradationPreference = "maintain-resolution";
    // some browsers refuse one of these; sending goes on with their own choice
    await sender.setParameters(parameters).catch(() => {});
  }
}

/** Have camera or screen give more, where it was opened for less; for less, sending less is enough. */
export async function capture(stream, sending) {
  hint(stream, sending);
  const { width, frame_rate: rate } = sending.video;
  const wanted = (sending.screen ? screenConstraints : cameraConstraints)(sending.video);
  for (const track of stream.getVideoTracks()) {
    const now = track.getSettings();
    if (now.width >= width && now.frameRate >= rate) continue;
    await track.applyConstraints({ ...track.getConstraints(), ...wanted }).catch(() => {});
  }
}
