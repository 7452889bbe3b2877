// A tag's threshold: what precision, recall and false alarms it gives, wherever it is put.

import { figure, type Points } from "./training.ts";

const [WIDTH, HEIGHT, SIDE, FOOT] = [300, 150, 30, 22];

/** The place of the point that says what a threshold gives: the loosest that is not looser. */
export function pointAt(points: Points, offset: number): number {
  let place = 0;
  for (let at = 0; at < points.offset.length; at++) if (points.offset[at]! >= offset - 1e-9) place = at;
  return place;
}

const STEPS = 200; // of the slider

export function Threshold({ tag, points, offset, move }: { tag: string; points: Points; offset: number; move: (offset: number) => void }) {
  const number = points.offset.length;
  const at = pointAt(points, offset);
  const [strict, loose] = [points.offset[0]!, points.offset[number - 1]!];
  const x = (value: number): number => SIDE + ((strict - value) / Math.max(1e-9, strict - loose)) * (WIDTH - SIDE - 8);
  const y = (share: number): number => 6 + (1 - share) * (HEIGHT - FOOT - 6);
  const line = (values: readonly (number | null)[]): string => values.flatMap((value, place) => (value === null ? [] : [`${x(points.offset[place]!).toFixed(1)},${y(value).toFixed(1)}`])).join(" ");
  const alarms = points.false_alarms[at];
  return (
    <figure class="threshold" data-testid="threshold" data-tag={tag}>
      <figcaption><strong>{tag}</strong>{offset ? ` threshold ${offset > 0 ? "+" : ""}${offset.toFixed(2)}` : ""}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`precision and recall of ${tag} over its threshold`}>
        {[0, 0.5, 1].map((share) => <g key={share}><line class="grid" x1={SIDE} x2={WIDTH - 8} y1={y(share)} y2={y(share)} /><text x={SIDE - 4} y={y(share) + 4} text-anchor="end">{share}</text></g>)}
        <text x={SIDE} y={HEIGHT - 6}>stricter</text>
        <text x={WIDTH - 8} y={HEIGHT - 6} text-anchor="end">looser</text>
        <line class="now" x1={x(0)} x2={x(0)} y1={y(1)} y2={y(0)} />
        <polyline class="curve recall" points={line(points.recall)} />
        <polyline class="curve precision" points={line(points.precision)} />
        <line class="chosen" x1={x(offset)} x2={x(offset)} y1={y(1)} y2={y(0)} />
      </svg>
      <input type="range" min={0} max={STEPS} step={1} value={Math.round((STEPS * (strict - offset)) / Math.max(1e-9, strict - loose))} aria-label={`threshold of ${tag}, from strict to loose`} aria-valuetext={`precision ${figure(points.precision[at])}, recall ${figure(points.recall[at])}, ${alarms == null ? "no background" : `${alarms.toFixed(1)} false alarms an hour`}`} onInput={(event) => move(Number((strict - (Number(event.currentTarget.value) / STEPS) * (strict - loose)).toFixed(4)))} />
      <p class="small reading" data-testid="reading">
        <span class="key precision">precision {figure(points.precision[at])}</span> <span class="key recall">recall {figure(points.recall[at])}</span>{" "}
        <span>{alarms == null ? "no background to count false alarms in" : `${alarms.toFixed(1)} false alarms/h`}</span>
      </p>
    </figure>
  );
}
