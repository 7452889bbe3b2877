// Days to choose from: what each holds, and what it is for; a click or a drag marks them.

import { useRef } from "preact/hooks";
import { USES, weeks, type Use } from "./choice.ts";
import { tagColour } from "./colours.ts";
import type { DayOfData } from "./training.ts";

const WEEK = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

interface Shown {
  readonly days: ReadonlyMap<string, DayOfData>;
  readonly uses: ReadonlyMap<string, Use>;
  readonly tags: readonly string[]; // all, for their colours
  readonly counted: ReadonlySet<string>; // those whose labels count; none: all
  readonly mark: (days: readonly string[], isFirst: boolean) => void;
}

/** Months that hold anything, each as weeks of cells. Arrow keys move; Enter or Space marks. */
export function Calendar(props: Shown) {
  const names = [...new Set([...props.days.keys(), ...props.uses.keys()])].sort();
  const months = [...new Set(names.map((day) => day.slice(0, 7)))];
  const counts = names.map((day) => sumOf(props, props.days.get(day)));
  const most = { labels: Math.max(1, ...counts), seconds: Math.max(1, ...[...props.days.values()].map((one) => one.seconds)) };
  const painting = useRef<string | null>(null); // the day that the pointer went over last, while it is down
  const place = useRef<HTMLDivElement>(null);

  const under = (event: PointerEvent): string | undefined => {
    const target = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-day]");
    return target && place.current!.contains(target) ? target.dataset["day"] : undefined;
  };
  const down = (event: PointerEvent): void => {
    const day = event.button === 0 ? under(event) : undefined;
    if (!day) return;
    painting.current = day;
    props.mark([day], true);
  };
  const move = (event: PointerEvent): void => {
    const day = painting.current === null ? undefined : under(event);
    if (!day || day === painting.current) return;
    const between = names.filter((one) => (one > painting.current! ? one <= day : one >= day) && one !== painting.current);
    painting.current = day;
    props.mark(between.length ? between : [day], false);
  };
  const step = (event: KeyboardEvent): void => {
    const away = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    const day = (event.target as HTMLElement).dataset["day"];
    if (!away || !day) return;
    event.preventDefault();
    const next = new Date(Date.parse(`${day}T00:00:00Z`) + away * 86_400_000).toISOString().slice(0, 10);
    place.current!.querySelector<HTMLElement>(`[data-day="${next}"]`)?.focus();
  };
  return (
    <div class="calendar" ref={place} onPointerDown={down} onPointerMove={move} onPointerUp={() => (painting.current = null)} onPointerLeave={() => (painting.current = null)} onKeyDown={step}>
      {months.map((month) => (
        <table key={month} class="month">
          <caption>{MONTHS[Number(month.slice(5)) - 1]} {month.slice(0, 4)}</caption>
          <thead><tr>{WEEK.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
          <tbody>{weeks(month).map((week, at) => <tr key={at}>{week.map((day, of) => <td key={of}>{day && <Cell day={day} most={most} {...props} />}</td>)}</tr>)}</tbody>
        </table>
      ))}
    </div>
  );
}

function sumOf({ counted }: Shown, day: DayOfData | undefined): number {
  return Object.entries(day?.tags ?? {}).reduce((sum, [tag, number]) => sum + (!counted.size || counted.has(tag) ? number : 0), 0);
}

function Cell(props: Shown & { day: string; most: { labels: number; seconds: number } }) {
  const { day, uses, tags, counted, most } = props;
  const data = props.days.get(day);
  const use = uses.get(day) ?? "N";
  const parts = Object.entries(data?.tags ?? {}).filter(([tag]) => !counted.size || counted.has(tag));
  const labels = sumOf(props, data);
  const words = [
    day,
    USES.find(([name]) => name === use)![1],
    labels ? parts.map(([tag, number]) => `${number} ${tag}`).join(", ") : "no labels",
    data?.segments ? `${data.segments} segments, ${(data.seconds / 60).toFixed(0)} min` : "no sound",
    data?.coverage != null ? `${(100 * data.coverage).toFixed(0)} % covered` : "",
  ].filter(Boolean);
  let left = 0;
  return (
    <button type="button" data-testid="day-cell" data-day={day} data-use={use} class={`day use-${use} ${data ? "" : "empty-day"}`} title={words.join("\n")} onClick={(event) => event.detail === 0 && props.mark([day], true)}>
      <span class="of">{Number(day.slice(8))}{use !== "N" && <b>{use}</b>}</span>
      <svg viewBox="0 0 40 16" aria-hidden="true">
        <rect class="ground" x="0" y="0" width="40" height="9" />
        {parts.map(([tag, number]) => {
          const wide = (40 * number) / most.labels;
          left += wide;
          return <rect key={tag} x={left - wide} y="0" width={wide} height="9" fill={tagColour(tag, tags)} />;
        })}
        <rect class="ground" x="0" y="11" width="40" height="4" />
        {data && <rect class="sound" x="0" y="11" width={(40 * data.seconds) / most.seconds} height="4" opacity={0.25 + 0.75 * (data.coverage ?? 1)} />}
      </svg>
      <span class="count">{labels || ""}</span>
      <span class="hidden">{words.join("; ")}</span>
    </button>
  );
}
