// Tiles of the spectrogram and of the waveform: which a view needs, and a cache of those that were fetched.

import { HOUR } from "./time.ts";
import { span, type View } from "./view.ts";

export const COLUMNS = 512;
export const ROWS = 256;
export const DEEPEST = 23;
const COLUMN_MS = 4;
const KEPT = 192;
const RETRY_MS = 2000;

export const columnMs = (level: number): number => COLUMN_MS * 2 ** level;
export const tileMs = (level: number): number => COLUMNS * columnMs(level);

/** The level whose columns are about as wide as a pixel, and never wider than one and a half. */
export function levelFor(view: View, width: number): number {
  const perPixel = span(view) / Math.max(1, width);
  return Math.min(DEEPEST, Math.max(0, Math.floor(Math.log2((1.5 * perPixel) / COLUMN_MS))));
}

/** Numbers of the tiles of a level that a view touches. */
export function tilesIn(view: View, level: number): number[] {
  const found: number[] = [];
  for (let index = Math.floor(view.from / tileMs(level)); index * tileMs(level) < view.to; index++) found.push(index);
  return found;
}

/** The mark under which a tile may be kept for ever, from the marks of its hours or days; empty where one of them is not known. */
export function versionOf(level: number, index: number, marks: ReadonlyMap<number, string>, step = HOUR): string {
  const parts: string[] = [];
  for (let at = Math.floor((index * tileMs(level)) / step); at * step < (index + 1) * tileMs(level); at++) {
    const mark = marks.get(at);
    if (mark === undefined) return "";
    parts.push(mark);
  }
  return parts.join("-");
}

export interface Tile {
  readonly rate: number; // Hz; 0 where the tile has no sound
  readonly data: Uint8Array | null;
  image?: { readonly key: string; readonly bitmap: HTMLCanvasElement };
}

/** Tiles by their address; the least recently used go first. */
export class TileCache {
  private readonly kept = new Map<string, Tile>();
  private readonly wanted = new Map<string, AbortController>();
  private readonly arrived: () => void;

  constructor(arrived: () => void) {
    this.arrived = arrived;
  }

  /** The tile, if it is here; else it is fetched, and `arrived` is called. */
  get(address: string, fetchIt = true): Tile | undefined {
    const tile = this.kept.get(address);
    if (tile) {
      this.kept.delete(address);
      this.kept.set(address, tile);
    } else if (fetchIt && !this.wanted.has(address)) void this.fetch(address);
    return tile;
  }

  /** Gives up what is being fetched and is not among these. */
  keepOnly(addresses: ReadonlySet<string>): void {
    for (const [address, controller] of this.wanted) {
      if (!addresses.has(address)) {
        controller.abort();
        this.wanted.delete(address);
      }
    }
  }

  get waiting(): number {
    return this.wanted.size;
  }

  private async fetch(address: string): Promise<void> {
    const controller = new AbortController();
    let wait = 0;
    this.wanted.set(address, controller);
    try {
      const answer = await fetch(address, { signal: controller.signal });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const data = new Uint8Array(await answer.arrayBuffer());
      this.kept.set(address, { rate: Number(answer.headers.get("x-sample-rate") ?? 0), data: data.length ? data : null });
      for (const old of this.kept.keys()) {
        if (this.kept.size <= KEPT) break;
        this.kept.delete(old);
      }
    } catch {
      wait = RETRY_MS; // given up, or the studio is away: the next drawing asks again
    }
    setTimeout(() => {
      if (this.wanted.get(address) === controller) this.wanted.delete(address);
      if (!controller.signal.aborted) this.arrived();
    }, wait);
  }
}
