// The picture of the timeline: three canvases on top of each other (sound; boxes; what is in hand), so that playing and dragging paint
// the topmost alone.

import { type Day, peaksAddress, tileAddress, type Timeline } from "./api.ts";
import { longest, visible, type Box, type Boxes, type Prediction } from "./boxes.ts";
import { tagColour, type Map256 } from "./colours.ts";
import { COLUMNS, DEEPEST, TileCache, columnMs, levelFor, tileMs, tilesIn, versionOf, type Tile } from "./tiles.ts";
import { DAY, axisLabel, axisMarks, startOfDay } from "./time.ts";
import { toMs, toX, type View } from "./view.ts";

export const WAVE_HEIGHT = 64;
export const AXIS_HEIGHT = 22;
const HANDLE = 6;
const MANY = 2000; // boxes in view: beyond this they are bars
const SAMPLE_PIXELS = 0.5; // from so many pixels a sample on, samples are drawn one by one

export interface Look {
  readonly map: Map256;
  readonly mapKey: string;
  readonly recipe: string;
  readonly topHz: number; // of the frequency axis; 0: all there is
}

export interface Scene {
  readonly source: string;
  readonly view: View;
  readonly look: Look;
  readonly timeline: Timeline | null;
  readonly days: readonly Day[];
  readonly boxes: Boxes;
  readonly others: Boxes;
  readonly predictions: readonly Prediction[];
  readonly selected: string | null;
  readonly selectedPrediction: Prediction | null;
  readonly tags: readonly string[];
  readonly samples: { first: number; rate: number; values: Float32Array } | null;
}

export type Part = "start" | "end" | "low" | "high" | "body";
export type Hit = { kind: "box"; box: Box; part: Part } | { kind: "prediction"; prediction: Prediction };

export interface Hand {
  readonly start: number;
  readonly end: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Draws scenes into a container, and says what lies at a point. */
export class Painter {
  readonly cache: TileCache;
  rate = 44_100; // of the sound in view: the frequency axis ends at half of it
  private readonly layers: readonly CanvasRenderingContext2D[];
  private readonly labels = new Map<string, HTMLCanvasElement>();
  private width = 0;
  private height = 0;
  private marks = new Map<number, string>();
  private dayMarks = new Map<number, string>();
  private marksOf = "";
  private timelineRead: Timeline | null = null;
  private daysRead: readonly Day[] = [];

  constructor(container: HTMLElement, arrived: () => void) {
    this.cache = new TileCache(arrived);
    this.layers = [0, 1, 2].map((at) => {
      const canvas = document.createElement("canvas");
      if (at === 0) canvas.dataset["testid"] = "spectrogram";
      container.append(canvas);
      return canvas.getContext("2d")!;
    });
  }

  /** Fits the canvases to the container, in pixels of the screen. */
  resize(width: number, height: number): void {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    this.width = width;
    this.height = height;
    for (const layer of this.layers) {
      layer.canvas.width = Math.round(width * scale);
      layer.canvas.height = Math.round(height * scale);
      layer.setTransform(scale, 0, 0, scale, 0, 0);
    }
  }

  get spectrumTop(): number {
    return WAVE_HEIGHT;
  }

  get spectrumBottom(): number {
    return this.height - AXIS_HEIGHT;
  }

  topHz(look: Look): number {
    return look.topHz > 0 ? Math.min(look.topHz, this.rate / 2) : this.rate / 2;
  }

  hzAt(y: number, look: Look): number {
    const share = (this.spectrumBottom - y) / (this.spectrumBottom - this.spectrumTop);
    return Math.round(Math.min(1, Math.max(0, share)) * this.topHz(look));
  }

  yOf(hz: number, look: Look): number {
    const share = Math.min(1, hz / this.topHz(look));
    return this.spectrumBottom - share * (this.spectrumBottom - this.spectrumTop);
  }

  /** The lowest canvas: spectrogram, waveform, axis. */
  sound(scene: Scene): void {
    const layer = this.layers[0]!;
    layer.clearRect(0, 0, this.width, this.height);
    this.silences(layer, scene);
    const level = levelFor(scene.view, this.width);
    const addresses = new Set<string>();
    this.readMarks(scene);
    for (const index of tilesIn(scene.view, level)) {
      this.tile(layer, scene, level, index, addresses);
      this.wave(layer, scene, level, index, addresses);
    }
    this.prefetch(scene, level, addresses);
    this.cache.keepOnly(addresses);
    if (scene.samples) this.singleSamples(layer, scene);
    this.axis(layer, scene);
  }

  /** The middle canvas: boxes and predictions. */
  boxes(scene: Scene): void {
    const layer = this.layers[1]!;
    layer.clearRect(0, 0, this.width, this.height);
    const { from, to } = scene.view;
    const mine = visible(scene.boxes, from, to, longest(scene.boxes));
    if (mine.length > MANY) return this.bars(layer, scene, mine);
    for (const one of scene.predictions) if (one.end > from && one.start < to) this.prediction(layer, scene, one);
    for (const box of visible(scene.others, from, to, longest(scene.others))) this.other(layer, scene, box);
    const byTag = new Map<string, Box[]>();
    for (const box of mine) {
      const group = byTag.get(box.tag);
      if (group) group.push(box);
      else byTag.set(box.tag, [box]);
    }
    const reached = new Map<number, number>(); // rows of labels
    for (const [tag, group] of byTag) {
      const colour = tagColour(tag, scene.tags);
      layer.fillStyle = colour;
      layer.globalAlpha = 0.14;
      for (const box of group) if (box.state !== "rejected") this.rect(layer, scene, box, true);
      layer.globalAlpha = 1;
      for (const box of group) this.rect(layer, scene, box, false);
    }
    for (const box of mine) this.label(layer, scene, box, reached);
    const chosen = mine.find((box) => box.id === scene.selected);
    if (chosen) this.chosen(layer, scene, chosen);
  }

  /** The topmost canvas: the cursor, and a box in hand. */
  hand(scene: Scene, cursor: number | null, hand: Hand | null): void {
    const layer = this.layers[2]!;
    layer.clearRect(0, 0, this.width, this.height);
    if (hand) {
      const { x, y, width, height } = this.place(scene, hand);
      layer.strokeStyle = "#fff";
      layer.lineWidth = 1.5;
      layer.strokeRect(x, y, width, height);
    }
    if (cursor !== null && cursor >= scene.view.from && cursor <= scene.view.to) {
      layer.fillStyle = "#ff5a36";
      layer.fillRect(Math.round(toX(scene.view, cursor, this.width)), 0, 1.5, this.spectrumBottom);
    }
  }

  /** What lies at a point: edges before bodies, the selected box before others, and boxes before predictions. */
  hit(scene: Scene, x: number, y: number): Hit | null {
    const at = toMs(scene.view, x, this.width);
    const reach = toMs(scene.view, x + HANDLE, this.width) - at;
    const near = visible(scene.boxes, at - reach, at + reach, longest(scene.boxes) + reach);
    const ordered = [...near].sort((a, b) => Number(b.id === scene.selected) - Number(a.id === scene.selected) || a.end - a.start - (b.end - b.start));
    for (const box of ordered) {
      const place = this.place(scene, box);
      if (y < place.y - HANDLE || y > place.y + place.height + HANDLE) continue;
      const narrow = place.width < 3 * HANDLE;
      if (Math.abs(x - place.x) <= (narrow ? 2 : HANDLE)) return { kind: "box", box, part: "start" };
      if (Math.abs(x - place.x - place.width) <= (narrow ? 2 : HANDLE)) return { kind: "box", box, part: "end" };
      if (x < place.x || x > place.x + place.width) continue;
      if (box.high !== null && Math.abs(y - place.y) <= HANDLE) return { kind: "box", box, part: "high" };
      if (box.low !== null && Math.abs(y - place.y - place.height) <= HANDLE) return { kind: "box", box, part: "low" };
      return { kind: "box", box, part: "body" };
    }
    const prediction = scene.predictions.find((one) => one.start <= at && one.end >= at);
    return prediction ? { kind: "prediction", prediction } : null;
  }

  private place(scene: Scene, box: Hand): { x: number; y: number; width: number; height: number } {
    const x = toX(scene.view, box.start, this.width);
    const width = Math.max(2, toX(scene.view, box.end, this.width) - x);
    const bounded = box.low !== null || box.high !== null;
    const y = bounded ? this.yOf(box.high ?? Infinity, scene.look) : 1;
    const bottom = bounded ? this.yOf(box.low ?? 0, scene.look) : this.spectrumBottom;
    return { x, y, width, height: Math.max(2, bottom - y) };
  }

  private rect(layer: CanvasRenderingContext2D, scene: Scene, box: Box, filled: boolean): void {
    const place = this.place(scene, box);
    const [x, y, width, height] = [Math.round(place.x), Math.round(place.y), Math.round(place.width), Math.round(place.height)];
    if (filled) return layer.fillRect(x, y, width, height);
    const thick = box.id === scene.selected ? 3 : 1;
    if (box.state === "rejected") return this.cross(layer, x, y, width, height);
    layer.fillRect(x, y, thick, height);
    layer.fillRect(x + width - thick, y, thick, height);
    layer.fillRect(x, y, width, thick);
    layer.fillRect(x, y + height - thick, width, thick);
  }

  private cross(layer: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
    layer.save();
    layer.strokeStyle = layer.fillStyle;
    layer.setLineDash([2, 4]);
    layer.strokeRect(x + 0.5, y + 0.5, width, height);
    layer.setLineDash([]);
    layer.globalAlpha = 0.5;
    layer.beginPath();
    layer.moveTo(x, y);
    layer.lineTo(x + width, y + height);
    layer.moveTo(x + width, y);
    layer.lineTo(x, y + height);
    layer.stroke();
    layer.restore();
  }

  private chosen(layer: CanvasRenderingContext2D, scene: Scene, box: Box): void {
    const { x, y, width, height } = this.place(scene, box);
    layer.fillStyle = "#fff";
    for (const edge of [x, x + width]) layer.fillRect(Math.round(edge) - 2, y + height / 2 - 10, 4, 20);
  }

  private prediction(layer: CanvasRenderingContext2D, scene: Scene, one: Prediction): void {
    const place = this.place(scene, { ...one, low: null, high: null });
    const isChosen = one === scene.selectedPrediction;
    layer.save();
    layer.strokeStyle = tagColour(one.tag, scene.tags);
    layer.lineWidth = isChosen ? 3 : 1.5;
    layer.setLineDash([6, 4]);
    layer.strokeRect(place.x + 1, WAVE_HEIGHT + 1, place.width - 2, this.spectrumBottom - WAVE_HEIGHT - 2);
    layer.restore();
    if (place.width > 12) this.text(layer, `${one.tag.replaceAll("_", " ")} ${one.score.toFixed(1)}?`, tagColour(one.tag, scene.tags), place.x + 3, this.spectrumBottom - 18, place.width);
  }

  private other(layer: CanvasRenderingContext2D, scene: Scene, box: Box): void {
    const place = this.place(scene, box);
    layer.fillStyle = tagColour(box.tag, scene.tags);
    layer.globalAlpha = 0.7;
    layer.fillRect(place.x, WAVE_HEIGHT - 5, place.width, 4);
    layer.globalAlpha = 1;
  }

  private label(layer: CanvasRenderingContext2D, scene: Scene, box: Box, reached: Map<number, number>): void {
    const place = this.place(scene, box);
    if (place.width <= 12) return;
    const row = [0, 1, 2].find((one) => (reached.get(one) ?? -Infinity) < place.x);
    if (row === undefined) return;
    const name = (box.tag || "no tag").replaceAll("_", " ") + (box.state === "rejected" ? " ✗" : box.state === "kept" ? " ✓" : "");
    const shown = this.text(layer, name, tagColour(box.tag, scene.tags), place.x + 3, place.y + 3 + 15 * row, place.width);
    reached.set(row, place.x + Math.min(place.width, shown));
  }

  /** Draws a word from a store of bitmaps: text is slow to draw a thousand times. */
  private text(layer: CanvasRenderingContext2D, name: string, colour: string, x: number, y: number, most: number): number {
    const key = `${name} ${colour}`;
    let bitmap = this.labels.get(key);
    if (!bitmap) {
      bitmap = document.createElement("canvas");
      const pen = bitmap.getContext("2d")!;
      pen.font = "12px system-ui, sans-serif";
      bitmap.width = Math.ceil(pen.measureText(name).width) + 6;
      bitmap.height = 15;
      pen.fillStyle = "rgba(0, 0, 0, .62)";
      pen.fillRect(0, 0, bitmap.width, 15);
      pen.font = "12px system-ui, sans-serif";
      pen.fillStyle = colour;
      pen.fillText(name, 3, 11.5);
      if (this.labels.size > 500) this.labels.clear();
      this.labels.set(key, bitmap);
    }
    const width = Math.min(bitmap.width, Math.max(1, most - 4));
    layer.drawImage(bitmap, 0, 0, width, 15, Math.round(x), Math.round(y), width, 15);
    return width;
  }

  private bars(layer: CanvasRenderingContext2D, scene: Scene, boxes: Boxes): void {
    const counts = new Uint32Array(Math.ceil(this.width) + 1);
    for (const box of boxes) counts[Math.max(0, Math.min(counts.length - 1, Math.floor(toX(scene.view, box.start, this.width))))]!++;
    const most = Math.max(...counts);
    layer.fillStyle = "#5ad1ff";
    counts.forEach((count, x) => count && layer.fillRect(x, this.spectrumBottom, 1, (-60 * count) / most));
  }

  private silences(layer: CanvasRenderingContext2D, scene: Scene): void {
    layer.fillStyle = "rgba(128, 140, 160, .18)";
    for (const one of scene.timeline?.spans ?? []) {
      if (one.state !== "silence" || one.end < scene.view.from || one.start > scene.view.to) continue;
      const x = toX(scene.view, one.start, this.width);
      layer.fillRect(x, 0, Math.max(1, toX(scene.view, one.end, this.width) - x), this.spectrumBottom);
    }
  }

  private version(level: number, index: number): string {
    return versionOf(level, index, this.marks) || versionOf(level, index, this.dayMarks, DAY);
  }

  private readMarks({ source, timeline, days }: Scene): void {
    if (source !== this.marksOf) {
      this.marksOf = source;
      this.marks.clear();
    }
    if (timeline !== this.timelineRead && timeline?.source === source) {
      this.timelineRead = timeline;
      for (const [hour, mark] of Object.entries(timeline.marks)) this.marks.set(Number(hour), mark);
    }
    if (days === this.daysRead) return;
    this.daysRead = days;
    this.dayMarks = new Map(days.map((one) => [startOfDay(one.day) / DAY, one.mark]));
    const [first, last] = [days[0], days.at(-1)].map((one) => (one ? startOfDay(one.day) / DAY : 0));
    for (let day = (first ?? 0) - 30; first && day < (last ?? 0) + 30; day++) if (!this.dayMarks.has(day)) this.dayMarks.set(day, "0");
  }

  private tile(layer: CanvasRenderingContext2D, scene: Scene, level: number, index: number, addresses: Set<string>): void {
    const address = tileAddress(scene.source, scene.look.recipe, level, index, this.version(level, index));
    addresses.add(address);
    const tile = this.cache.get(address);
    const start = index * tileMs(level);
    if (tile) return this.picture(layer, scene, tile, start, start + tileMs(level), 0, COLUMNS);
    for (let above = level + 1; above <= Math.min(DEEPEST, level + 5); above++) {
      // what is on its way is shown from a coarser level meanwhile
      const parent = Math.floor(start / tileMs(above));
      const coarse = this.cache.get(tileAddress(scene.source, scene.look.recipe, above, parent, this.version(above, parent)), false);
      if (!coarse) continue;
      const offset = (start - parent * tileMs(above)) / columnMs(above);
      return this.picture(layer, scene, coarse, start, start + tileMs(level), offset, COLUMNS / 2 ** (above - level));
    }
  }

  private picture(layer: CanvasRenderingContext2D, scene: Scene, tile: Tile, from: number, to: number, column: number, columns: number): void {
    if (!tile.data) return;
    if (tile.rate) this.rate = tile.rate;
    const rows = tile.data.length / COLUMNS;
    if (tile.image?.key !== scene.look.mapKey) tile.image = { key: scene.look.mapKey, bitmap: bitmapOf(tile.data, rows, scene.look.map) };
    const kept = rows * Math.min(1, this.topHz(scene.look) / (tile.rate / 2));
    const x = toX(scene.view, from, this.width);
    const width = toX(scene.view, to, this.width) - x;
    layer.imageSmoothingEnabled = false;
    layer.drawImage(tile.image.bitmap, column, rows - kept, columns, kept, x, this.spectrumTop, width, this.spectrumBottom - this.spectrumTop);
  }

  private wave(layer: CanvasRenderingContext2D, scene: Scene, level: number, index: number, addresses: Set<string>): void {
    const address = peaksAddress(scene.source, level, index, this.version(level, index));
    addresses.add(address);
    if (scene.samples) return;
    const tile = this.cache.get(address);
    if (!tile?.data) return;
    const peaks = new Int8Array(tile.data.buffer);
    const middle = WAVE_HEIGHT / 2;
    const half = columnMs(level) / 2;
    const width = Math.max(1, (half / (scene.view.to - scene.view.from)) * this.width);
    layer.fillStyle = waveColour();
    for (let at = 0; at < peaks.length / 2; at++) {
      const x = toX(scene.view, index * tileMs(level) + at * half, this.width);
      if (x < -width || x > this.width) continue;
      const [low, high] = [peaks[2 * at]!, peaks[2 * at + 1]!];
      if (low === 0 && high === 0) continue;
      layer.fillRect(x, middle - (high / 128) * middle, width, Math.max(1, ((high - low) / 128) * middle));
    }
  }

  private singleSamples(layer: CanvasRenderingContext2D, scene: Scene): void {
    const { first, rate, values } = scene.samples!;
    const middle = WAVE_HEIGHT / 2;
    layer.strokeStyle = layer.fillStyle = waveColour();
    layer.lineWidth = 1.2;
    layer.beginPath();
    const dots = this.width / ((scene.view.to - scene.view.from) * (rate / 1000)) > 5;
    values.forEach((value, at) => {
      const x = toX(scene.view, first + (1000 * at) / rate, this.width);
      const y = middle - value * middle;
      if (at === 0) layer.moveTo(x, y);
      else layer.lineTo(x, y);
      if (dots && x >= 0 && x <= this.width) layer.fillRect(x - 1.5, y - 1.5, 3, 3);
    });
    layer.stroke();
  }

  /** Tiles beside the view, and those of the next coarser level, so that moving and zooming out show something at once. */
  private prefetch(scene: Scene, level: number, addresses: Set<string>): void {
    const shown = tilesIn(scene.view, level);
    const wanted: [number, number][] = [[level, shown[0]! - 1], [level, shown.at(-1)! + 1]];
    if (level < DEEPEST) for (const index of tilesIn(scene.view, level + 1)) wanted.push([level + 1, index]);
    for (const [one, index] of wanted) {
      if (index < 0) continue;
      const address = tileAddress(scene.source, scene.look.recipe, one, index, this.version(one, index));
      addresses.add(address);
      if (this.cache.waiting < 4) this.cache.get(address);
    }
  }

  private axis(layer: CanvasRenderingContext2D, scene: Scene): void {
    const style = getComputedStyle(layer.canvas);
    const { step, marks } = axisMarks(scene.view.from, scene.view.to, Math.max(2, Math.floor(this.width / 90)));
    layer.fillStyle = style.color;
    layer.font = "12px system-ui, sans-serif";
    layer.textBaseline = "middle";
    for (const mark of marks) {
      const x = Math.round(toX(scene.view, mark, this.width));
      layer.fillRect(x, this.spectrumBottom, 1, 5);
      layer.fillText(axisLabel(mark, step), x + 3, this.height - AXIS_HEIGHT / 2 + 2);
    }
    layer.fillStyle = "rgba(255, 255, 255, .8)";
    const top = this.topHz(scene.look);
    const hertz = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000].find((one) => top / one <= 6) ?? 100_000;
    for (let hz = hertz; hz < top; hz += hertz) {
      const y = this.yOf(hz, scene.look);
      layer.fillRect(0, y, 5, 1);
      layer.fillText(hertz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`, 8, y);
    }
  }
}

/** Whether single samples are to be drawn in a view of this width, in CSS pixels. */
export const showsSamples = (view: View, width: number, rate: number): boolean =>
  width / ((view.to - view.from) * (rate / 1000)) > SAMPLE_PIXELS;

function bitmapOf(data: Uint8Array, rows: number, map: Map256): HTMLCanvasElement {
  const bitmap = document.createElement("canvas");
  bitmap.width = COLUMNS;
  bitmap.height = rows;
  const pen = bitmap.getContext("2d")!;
  const image = pen.createImageData(COLUMNS, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = new Uint32Array(256);
  for (let value = 1; value < 256; value++) colours[value] = (255 << 24) | (map[3 * value + 2]! << 16) | (map[3 * value + 1]! << 8) | map[3 * value]!;
  for (let column = 0; column < COLUMNS; column++)
    for (let row = 0; row < rows; row++) pixels[(rows - 1 - row) * COLUMNS + column] = colours[data[column * rows + row]!]!;
  pen.putImageData(image, 0, 0);
  return bitmap;
}

function waveColour(): string {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "#7cc0f0" : "#1f5f8f";
}
