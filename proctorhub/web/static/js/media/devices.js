// Camera, microphone and screen: asking for them, and a sentence for every way that can fail.

import { t } from "../lib/t.js";
import { USUAL, cameraConstraints, screenConstraints } from "./sending.js";

export class DeviceProblem extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}

const CAMERA_PROBLEMS = {
  NotAllowedError: () =>
    t("The browser was not allowed to use the camera and microphone. Click the camera sign in the address bar, allow both, and try again."),
  NotFoundError: () => t("No camera or microphone was found. Plug one in and try again."),
  NotReadableError: () => t("Another program is using the camera or microphone. Close it and try again."),
  OverconstrainedError: () => t("This camera or microphone cannot be used. Choose another one."),
};

const SCREEN_PROBLEMS = {
  NotAllowedError: () => t("The screen was not shared. Choose your whole screen in the browser's window and press Share."),
  NotFoundError: () => t("No screen can be shared on this device."),
};

function explain(error, table) {
  const sentence = table[error.name]?.() ?? t("The device could not be used: {reason}", { reason: error.message });
  return new DeviceProblem(error.name, sentence);
}

export function supported() {
  return {
    secure: isSecureContext,
    devices: Boolean(navigator.mediaDevices?.getUserMedia),
    screen: Boolean(navigator.mediaDevices?.getDisplayMedia),
    rtc: "RTCPeerConnection" in window,
    sockets: "WebSocket" in window,
  };
}

const remembered = (kind) => sessionStorage.getItem(`device-${kind}`) || undefined;
export function remember(kind, deviceId) {
  sessionStorage.setItem(`device-${kind}`, deviceId);
}

async function openUser(video, audio) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new DeviceProblem("Unsupported", t("This browser gives no access to the camera. Use a current Chrome, Edge or Firefox over a secure address (https)."));
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio });
  } catch (error) {
    throw explain(error, CAMERA_PROBLEMS);
  }
}

function soundWanted() {
  const sound = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (remembered("microphone")) sound.deviceId = { ideal: remembered("microphone") };
  return sound;
}

/** `wanted` is {width, height, frame_rate}. */
export async function openCamera(wanted = USUAL.camera, { audio = true } = {}) {
  const video = cameraConstraints(wanted);
  if (remembered("camera")) video.deviceId = { ideal: remembered("camera") };
  return openUser(video, audio && soundWanted());
}

/** The microphone alone. */
export const openMicrophone = () => openUser(false, soundWanted());

/** Needs a press of a button: browsers refuse to show their picker otherwise. */
export async function openScreen(wanted = USUAL.screen) {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new DeviceProblem("Unsupported", t("This device cannot share its screen. Use a computer with a current browser."));
  }
  try {
    return await navigator.mediaDevices.getDisplayMedia({
      video: { displaySurface: "monitor", ...screenConstraints(wanted) },
      audio: false,
      monitorTypeSurfaces: "include",
      surfaceSwitching: "exclude",
    });
  } catch (error) {
    throw explain(error, SCREEN_PROBLEMS);
  }
}

/** Whether a screen track shows the whole monitor; null where the browser does not tell. */
export function wholeScreen(stream) {
  const surface = stream?.getVideoTracks()[0]?.getSettings().displaySurface;
  return surface ? surface === "monitor" : null;
}

export async function listDevices() {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind) => all.filter((device) => device.kind === kind && device.deviceId);
  return { cameras: of("videoinput"), microphones: of("audioinput") };
}

export function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
