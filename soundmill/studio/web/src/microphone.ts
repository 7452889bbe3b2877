// The microphone as it is: without what browsers do to it for telephone calls, at its own rate, every sample with its place.

import { signal } from "@preact/signals";
import { dbfs, peakOf, rmsOf } from "./wav.ts";

export const PRE_ROLL = 0.5; // seconds before the start that are kept: the first sound is there, however late one presses
export const POST_ROLL = 0.5; // and after the stop
const SETTLING = 1; // seconds until the chain of a browser runs without gaps

export interface Block {
  readonly frame: number; // of its first sample
  readonly samples: Float32Array;
}

/** Sound from one frame to another, and whether any of it was lost. */
export interface Piece {
  readonly samples: Float32Array;
  readonly gap: boolean;
}

export const level = signal({ peak: -120, rms: -120 });
export const isOpen = signal(false);
export const hasSettled = signal(false);

/** Why this page cannot record at all; empty where it can. */
export function obstacle(): string {
  if (!window.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia || typeof AudioWorkletNode === "undefined") return "unsupported";
  return "";
}

export async function devices(): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "audioinput");
}

export class Microphone {
  rate = 0;
  settings: Record<string, unknown> = {};
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;
  private blocks: Block[] = [];
  private keptFrom: number | null = null; // the frame from which blocks are kept
  private opened = 0;
  private wake: WakeLockSentinel | null = null;
  private waiting: { until: number; then: () => void }[] = [];
  private readonly heard: (block: Block) => void;
  private readonly lost: (why: string) => void;

  constructor(heard: (block: Block) => void, lost: (why: string) => void) {
    this.heard = heard;
    this.lost = lost;
  }

  /** Opens a device, or the default one. Raises where that is refused. */
  async open(worklet: string, device = ""): Promise<void> {
    this.close();
    const wanted: MediaTrackConstraints & Record<string, unknown> = {
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: false,
      voiceIsolation: false,
      channelCount: 1,
    };
    if (device) wanted.deviceId = { exact: device };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    const track = this.stream.getAudioTracks()[0]!;
    const context = new AudioContext({ latencyHint: "playback" }); // at the device's own rate: resampling is the studio's
    this.context = context;
    await context.resume();
    await context.audioWorklet.addModule(worklet);
    const node = new AudioWorkletNode(context, "capture", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    context.createMediaStreamSource(this.stream).connect(node);
    this.rate = context.sampleRate;
    this.settings = { ...track.getSettings(), label: track.label, contextRate: context.sampleRate, agent: navigator.userAgent };
    this.opened = 0;
    node.port.onmessage = (event: MessageEvent<Block>) => this.take(event.data);
    node.onprocessorerror = () => this.gone("the browser's sound system failed");
    track.onended = () => this.gone("the microphone was unplugged, or is no longer allowed");
    track.onmute = () => this.gone("the microphone was muted, or another program took it");
    context.onstatechange = () => context.state !== "running" && this.context === context && this.gone("the browser paused the sound");
    document.addEventListener("visibilitychange", this.hidden);
    isOpen.value = true;
    void navigator.wakeLock?.request("screen").then((lock) => (this.wake = lock), () => undefined);
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.hidden);
    this.stream?.getTracks().forEach((track) => { track.onended = track.onmute = null; track.stop(); });
    const { context } = this;
    this.context = this.stream = null;
    void context?.close();
    void this.wake?.release();
    this.wake = null;
    this.blocks = [];
    this.keptFrom = null;
    this.waiting = [];
    isOpen.value = false;
    hasSettled.value = false;
  }

  /** The frame that comes next. */
  get now(): number {
    const last = this.blocks.at(-1);
    return last ? last.frame + last.samples.length : 0;
  }

  /** Keeps all from so long before now on; returns the frame. */
  keepFrom(frame: number = this.now): number {
    return (this.keptFrom = Math.max(this.blocks[0]?.frame ?? 0, frame - Math.round(PRE_ROLL * this.rate)));
  }

  /** Gives up what is kept but for the pre-roll. */
  let(): void {
    this.keptFrom = null;
    this.trim();
  }

  /** The sound from one frame to another, once it is there. */
  async piece(from: number, to: number): Promise<Piece> {
    if (this.now < to) await new Promise<void>((then) => this.waiting.push({ until: to, then }));
    const samples = new Float32Array(Math.max(0, to - from));
    let filled = 0;
    for (const block of this.blocks) {
      const first = Math.max(from, block.frame);
      const last = Math.min(to, block.frame + block.samples.length);
      if (last <= first) continue;
      samples.set(block.samples.subarray(first - block.frame, last - block.frame), first - from);
      filled += last - first;
    }
    return { samples, gap: filled < samples.length };
  }

  private take(block: Block): void {
    this.blocks.push(block);
    this.opened ||= block.frame;
    if (!hasSettled.value && block.frame - this.opened >= SETTLING * this.rate) hasSettled.value = true;
    level.value = { peak: dbfs(peakOf(block.samples)), rms: dbfs(rmsOf(block.samples)) };
    this.heard(block);
    const { now } = this;
    for (const one of this.waiting.filter((waits) => waits.until <= now)) one.then();
    this.waiting = this.waiting.filter((waits) => waits.until > now);
    this.trim();
  }

  /** Drops blocks from before the pre-roll, or from before what is kept. */
  private trim(): void {
    const from = this.keptFrom ?? this.now - Math.round(2 * PRE_ROLL * this.rate);
    let number = 0;
    while (number < this.blocks.length - 1 && this.blocks[number]!.frame + this.blocks[number]!.samples.length <= from) number++;
    if (number) this.blocks.splice(0, number);
  }

  private readonly hidden = (): void => {
    if (document.hidden) this.gone("the page was in the background, where browsers may stop recording");
  };

  private gone(why: string): void {
    if (!this.context) return;
    this.close();
    this.lost(why);
  }
}

/** Plays samples; resolves at their end. */
export async function playSamples(samples: Float32Array, rate: number): Promise<{ done: Promise<void>; stop: () => void }> {
  const context = new AudioContext();
  await context.resume();
  const buffer = context.createBuffer(1, Math.max(1, samples.length), rate);
  buffer.copyToChannel(new Float32Array(samples), 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  const done = new Promise<void>((resolve) => (source.onended = () => { void context.close(); resolve(); }));
  source.start();
  return { done, stop: () => source.stop() };
}
