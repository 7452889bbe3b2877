// Hands-free: where somebody begins and ends to speak, by thresholds that the test of this room has set.

export interface Thresholds {
  readonly start: number; // dBFS
  readonly stop: number;
}

/** By the noise of a room: loud enough to be no noise, and soft enough to be the end of a word. */
export const thresholdsFor = (floor: number): Thresholds => ({ start: Math.min(-20, floor + 15), stop: Math.min(-27, floor + 8) });

export const HANGOVER_SECONDS = 1.2; // of silence, after which a sentence is over
const FRAME_SECONDS = 0.01;
const ONSET_FRAMES = 4; // of the last eight: a click is no word
const WINDOW = 8;

export type Event = { readonly kind: "begin"; readonly frame: number } | { readonly kind: "end"; readonly frame: number };

/** Takes samples in order, and says at which frame somebody began to speak, and after which they fell silent. */
export class Gate {
  private readonly length: number;
  private frame: Float32Array;
  private filled = 0;
  private at = 0; // the first sample of the frame that fills
  private loud: boolean[] = [];
  private lastLoud = 0;
  private isOpen = false;

  private readonly rate: number;
  private readonly thresholds: Thresholds;
  private readonly hangover: number;

  constructor(rate: number, thresholds: Thresholds, hangover: number = HANGOVER_SECONDS) {
    this.rate = rate;
    this.thresholds = thresholds;
    this.hangover = hangover;
    this.length = Math.round(FRAME_SECONDS * rate);
    this.frame = new Float32Array(this.length);
  }

  push(samples: Float32Array, from: number): Event[] {
    if (!this.filled) this.at = from;
    const found: Event[] = [];
    for (const one of samples) {
      this.frame[this.filled++] = one;
      if (this.filled === this.length) {
        const event = this.look();
        if (event) found.push(event);
        this.at += this.length;
        this.filled = 0;
      }
    }
    return found;
  }

  /** Forgets what was heard: the next word opens it anew. */
  reset(): void {
    this.isOpen = false;
    this.loud = [];
    this.filled = 0;
  }

  private look(): Event | null {
    let sum = 0;
    for (const one of this.frame) sum += one * one;
    const level = 10 * Math.log10(Math.max(sum / this.length, 1e-12));
    if (!this.isOpen) {
      this.loud = [...this.loud, level > this.thresholds.start].slice(-WINDOW);
      if (this.loud.filter(Boolean).length < ONSET_FRAMES) return null;
      this.isOpen = true;
      this.lastLoud = this.at + this.length;
      return { kind: "begin", frame: this.at - this.loud.length * this.length };
    }
    if (level > this.thresholds.stop) this.lastLoud = this.at + this.length;
    if (this.at + this.length - this.lastLoud < this.hangover * this.rate) return null;
    this.reset();
    return { kind: "end", frame: this.lastLoud };
  }
}
