// Playing exactly what was recorded: slices of WAV through Web Audio, chained without a seam.

import { soundAddress } from "./api.ts";

const SLICE_SECONDS = 20;
const AHEAD_SECONDS = 8;

export interface Playing {
  readonly from: number; // ms since 1970
  readonly to: number;
  readonly loop: boolean;
}

export interface Options {
  speed: number;
  gainDb: number;
  band: { low: number; high: number } | null;
}

export class Player {
  options: Options = { speed: 1, gainDb: 0, band: null };
  private context: AudioContext | null = null;
  private playing: Playing | null = null;
  private nodes: AudioBufferSourceNode[] = [];
  private startedAt = 0; // of the context's clock
  private run = 0;
  private readonly changed: () => void;
  private readonly failed: (why: string) => void;

  constructor(changed: () => void, failed: (why: string) => void) {
    this.changed = changed;
    this.failed = failed;
  }

  get isPlaying(): boolean {
    return this.playing !== null;
  }

  /** Where the sound is now, in ms since 1970; null while nothing plays. */
  cursor(): number | null {
    if (!this.playing || !this.context) return null;
    const latency = this.context.outputLatency || 0;
    const ms = 1000 * Math.max(0, this.context.currentTime - this.startedAt - latency) * this.options.speed;
    const whole = this.playing.to - this.playing.from;
    return this.playing.from + (this.playing.loop ? ms % whole : Math.min(ms, whole));
  }

  /** Plays a stretch of a source, from exactly one sample to another. */
  async play(source: string, what: Playing): Promise<void> {
    this.stop();
    const run = ++this.run;
    this.playing = what;
    this.changed();
    try {
      const rate = await sampleRate(source, what.from);
      if (run !== this.run) return;
      if (this.context?.sampleRate !== rate) {
        await this.context?.close();
        this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      }
      await this.context.resume();
      await this.schedule(run, source, what, rate);
    } catch (error) {
      if (run === this.run) {
        this.stop();
        this.failed(String((error as Error).message ?? error));
      }
    }
  }

  stop(): void {
    this.run++;
    for (const node of this.nodes) {
      node.onended = null;
      node.stop();
      node.disconnect();
    }
    this.nodes = [];
    if (this.playing) {
      this.playing = null;
      this.changed();
    }
  }

  private async schedule(run: number, source: string, what: Playing, rate: number): Promise<void> {
    const context = this.context!;
    const out = this.output(context);
    const total = Math.max(1, Math.round(((what.to - what.from) * rate) / 1000));
    const each = SLICE_SECONDS * rate;
    let when = 0;
    for (let at = 0; at < total; at += each) {
      const count = Math.min(each, total - at);
      const buffer = await slice(context, source, what.from + (1000 * at) / rate, count);
      if (run !== this.run) return;
      const node = new AudioBufferSourceNode(context, { buffer, playbackRate: this.options.speed });
      node.connect(out);
      if (at === 0) this.startedAt = when = context.currentTime + 0.03;
      if (what.loop && total <= each) {
        node.loop = true;
        node.loopEnd = count / rate;
        node.start(when);
      } else node.start(when, 0, count / rate);
      when += count / rate / this.options.speed;
      this.nodes.push(node);
      if (at + count >= total && !node.loop) {
        node.onended = () => {
          if (run !== this.run) return;
          if (what.loop) void this.play(source, what);
          else this.stop();
        };
      }
      // what lies far ahead is fetched when it is nearer
      while (run === this.run && at + count < total && when - context.currentTime > AHEAD_SECONDS)
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  private output(context: AudioContext): AudioNode {
    const gain = new GainNode(context, { gain: 10 ** (this.options.gainDb / 20) });
    const limiter = new DynamicsCompressorNode(context, { threshold: -1, knee: 0, ratio: 20, attack: 0.001, release: 0.05 });
    let first: AudioNode = gain;
    if (this.options.band) {
      const { low, high } = this.options.band;
      const above = new BiquadFilterNode(context, { type: "highpass", frequency: Math.max(1, low), Q: 0.7 });
      const below = new BiquadFilterNode(context, { type: "lowpass", frequency: Math.min(context.sampleRate / 2, high), Q: 0.7 });
      above.connect(below).connect(gain);
      first = above;
    }
    // without gain the samples go out as they are
    if (this.options.gainDb > 0) gain.connect(limiter).connect(context.destination);
    else gain.connect(context.destination);
    return first;
  }
}

const fetched = (address: string): Promise<Response> =>
  fetch(address).catch(() => {
    throw new Error("the studio cannot be reached");
  });

async function sampleRate(source: string, at: number): Promise<number> {
  const answer = await fetched(soundAddress(source, at, 256));
  const rate = Number(answer.headers.get("x-sample-rate") ?? 0);
  if (answer.ok && rate) return rate;
  throw new Error(answer.status === 404 ? "there is no sound here" : `the sound cannot be fetched (${answer.status})`);
}

async function slice(context: AudioContext, source: string, from: number, count: number): Promise<AudioBuffer> {
  const answer = await fetched(soundAddress(source, from, count));
  if (answer.status === 404) return new AudioBuffer({ length: count, sampleRate: context.sampleRate }); // a gap
  if (!answer.ok) throw new Error(`the sound cannot be fetched (${answer.status})`);
  return context.decodeAudioData(await answer.arrayBuffer());
}

/** The samples of a short stretch, for drawing them one by one; shape (n,), in shares of full scale. */
export async function samplesOf(source: string, from: number, to: number): Promise<{ first: number; rate: number; values: Float32Array } | null> {
  const answer = await fetch(soundAddress(source, from, Math.max(16, Math.ceil((to - from) * 48))));
  if (!answer.ok) return null;
  const rate = Number(answer.headers.get("x-sample-rate"));
  const first = Number(answer.headers.get("x-first-sample"));
  const pcm = new Int16Array((await answer.arrayBuffer()).slice(44));
  return { first: (1000 * first) / rate, rate, values: Float32Array.from(pcm, (value) => value / 32768) };
}
