// Charts: segments a day, how loud each segment of a day was, how the collection grows. Those beside the timeline read and set its view.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Collection, Day, Levels, NoiseHour } from "./api.ts";
import { DAY, HOUR, clock, dayOf, startOfDay } from "./time.ts";
import type { View } from "./view.ts";

export const colours = (): { ink: string; line: string; accent: string; warm: string } => {
  const style = getComputedStyle(document.body);
  const read = (name: string, dark: string, light: string): string => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found || (style.colorScheme === "dark" ? dark : light);
  };
  return { ink: read("--soft", "#9aa6b2", "#5a6570"), line: read("--line", "#323c47", "#dde3e8"), accent: read("--accent", "#7cc0f0", "#1f5f8f"), warm: read("--warm", "#f0a860", "#a8540a") };
};

export function useChart(make: (place: HTMLElement, width: number) => uPlot | null, inputs: unknown[]): preact.RefObject<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let chart: uPlot | null = null;
    let width = 0;
    const draw = (): void => {
      const wanted = Math.floor(place.current!.clientWidth);
      if (!wanted || wanted === width) return;
      width = wanted;
      chart?.destroy();
      chart = make(place.current!, wanted);
    };
    const observer = new ResizeObserver(draw);
    observer.observe(place.current!);
    return () => {
      observer.disconnect();
      chart?.destroy();
    };
  }, inputs);
  return place;
}

export const utc = (ms: number): Date => uPlot.tzDate(new Date(ms), "Etc/UTC");

/** Segments and labels of each day; a click goes to the day. */
export function DayChart(props: { days: Day[]; labels: Record<string, Record<string, number>>; day: string; choose: (day: string) => void }) {
  const { days, labels, day } = props;
  const place = useChart(
    (container, width) => {
      if (!days.length) return null;
      const c = colours();
      const first = startOfDay(days[0]!.day) / 1000;
      const last = startOfDay(days.at(-1)!.day) / 1000;
      const byDay = new Map(days.map((one) => [one.day, one]));
      const x: number[] = [];
      for (let at = first; at <= last; at += DAY / 1000) x.push(at);
      const names = x.map((at) => new Date(1000 * at).toISOString().slice(0, 10));
      const minutes = names.map((name) => (byDay.get(name)?.seconds ?? 0) / 60);
      const counts = names.map((name) => Object.values(labels[name] ?? {}).reduce((sum, one) => sum + one, 0));
      const chosen = names.map((name, at) => (name === day ? minutes[at]! : null));
      const bars = uPlot.paths.bars!({ size: [0.8, 40], align: 0 });
      const chart = new uPlot(
        {
          width, height: 130, tzDate: (at) => utc(1000 * at), legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
          scales: { x: { range: [first - 43_200, last + 43_200] }, y: { range: (_, __, most) => [0, Math.max(1, most)] }, n: { range: (_, __, most) => [0, Math.max(1, most)] } },
          axes: [
            { stroke: c.ink, grid: { show: false }, ticks: { stroke: c.line }, incrs: [1, 2, 7, 14, 30, 60, 90].map((one) => (one * DAY) / 1000), values: (_, ticks) => ticks.map((at) => dayOf(1000 * at).slice(5)) },
            { stroke: c.ink, grid: { stroke: c.line }, size: 62, values: (_, ticks) => ticks.map((one) => `${one} min`) },
          ],
          series: [{}, { fill: c.line, stroke: c.ink, width: 1, paths: bars }, { fill: c.accent, paths: bars }, { scale: "n", stroke: c.warm, width: 2, points: { show: true, size: 5, fill: c.warm } }],
        },
        [x, minutes, chosen, counts],
        container,
      );
      chart.over.addEventListener("click", () => {
        const at = chart.cursor.idx;
        if (at !== null && at !== undefined) props.choose(names[at]!);
      });
      return chart;
    },
    [days, labels, day],
  );
  const sum = Object.values(labels).flatMap(Object.values).reduce((total: number, one) => total + (one as number), 0);
  return (
    <figure>
      <figcaption>Minutes of sound a day (bars) and labels (line, {sum} in all); click a day to open it</figcaption>
      <div ref={place} class="chart" data-testid="day-chart" role="img" aria-label={`Minutes of sound on ${days.length} days; ${day} is open`} />
    </figure>
  );
}

/** The peak of each segment of a day; a drag chooses what is looked at. */
export function LevelChart(props: { levels: Levels | null; view: View; day: string; choose: (view: View) => void }) {
  const { levels, day } = props;
  const chart = useRef<uPlot | null>(null);
  const place = useChart(
    (container, width) => {
      if (!levels?.start.length) return (chart.current = null);
      const c = colours();
      const begin = startOfDay(day) / 1000;
      const x = levels.start.map((ms) => ms / 1000);
      const y = levels.max_amp.map((amp) => Math.max(-90, 20 * Math.log10(Math.max(1, amp) / 32767)));
      chart.current = new uPlot(
        {
          width, height: 130, tzDate: (at) => utc(1000 * at), legend: { show: false }, cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
          scales: { x: { range: [begin, begin + DAY / 1000] }, y: { range: [-90, 0] } },
          axes: [
            { stroke: c.ink, grid: { stroke: c.line }, ticks: { stroke: c.line }, incrs: [3600, 7200, 10_800, 21_600], values: (_, ticks) => ticks.map((at) => clock(1000 * at, HOUR)) },
            { stroke: c.ink, grid: { stroke: c.line }, size: 66, values: (_, ticks) => ticks.map((one) => `${one} dB`) },
          ],
          series: [{}, { stroke: c.accent, paths: () => null, points: { show: true, size: 3, stroke: c.accent, fill: c.accent } }],
          hooks: {
            setSelect: [
              (plot) => {
                if (plot.select.width < 2) return;
                const [from, to] = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
                props.choose({ from: 1000 * from, to: 1000 * to });
              },
            ],
          },
        },
        [x, y],
        container,
      );
      return chart.current;
    },
    [levels, day],
  );
  useEffect(() => {
    const plot = chart.current;
    if (!plot) return;
    const [left, right] = [props.view.from, props.view.to].map((ms) => Math.min(plot.over.clientWidth, Math.max(0, plot.valToPos(ms / 1000, "x"))));
    plot.setSelect({ left: left!, width: Math.max(2, right! - left!), top: 0, height: plot.over.clientHeight }, false);
  }, [props.view, levels]);
  return (
    <figure>
      <figcaption>Peak of each segment of {day} (UTC), in dB of full scale; drag to look at a part of it</figcaption>
      <div ref={place} class="chart" data-testid="level-chart" role="img" aria-label={`Peaks of ${levels?.start.length ?? 0} segments of ${day}`} />
    </figure>
  );
}

/** Hours of sound so far, day by day, with the target and when it will be reached. */
export function HoursChart(props: { collection: Collection }) {
  const { collection } = props;
  const { days, target_hours: target, forecast, forecast_early: early, forecast_late: late } = collection;
  const names = Object.keys(days);
  const place = useChart(
    (container, width) => {
      if (!names.length) return null;
      const c = colours();
      const first = startOfDay(names[0]!) / 1000;
      const last = startOfDay(names.at(-1)!) / 1000;
      const end = forecast && target ? Math.max(last, startOfDay(late ?? forecast) / 1000) : last;
      const near = Math.min(end, last + 2 * (last - first) + (60 * DAY) / 1000); // a target years away does not flatten the past
      const x: number[] = [];
      for (let at = first; at <= last; at += DAY / 1000) x.push(at);
      let sum = 0;
      const hours: (number | null)[] = x.map((at) => (sum += days[dayOf(1000 * at)] ?? 0));
      const towards = (day: string | null | undefined): (number | null)[] => {
        if (!day || !target) return [...x.map(() => null), null];
        const reached = startOfDay(day) / 1000;
        const share = Math.min(1, (near - last) / Math.max(1, reached - last));
        return [...x.slice(1).map(() => null), sum, sum + share * (target - sum)];
      };
      const lines = [[...hours, null], towards(forecast), towards(early), towards(late), [...x, near].map(() => target ?? null)];
      return new uPlot(
        {
          width, height: 190, tzDate: (at) => utc(1000 * at), legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
          scales: { x: { range: [first - 43_200, Math.max(near, last + 43_200)] }, y: { range: (_, __, most) => [0, Math.max(0.1, 1.05 * most)] } },
          axes: [
            { stroke: c.ink, grid: { show: false }, ticks: { stroke: c.line }, incrs: [1, 2, 7, 14, 30, 60, 90, 180, 365].map((one) => (one * DAY) / 1000), values: (_, ticks) => ticks.map((at) => dayOf(1000 * at).slice(2)), space: 70 },
            { stroke: c.ink, grid: { stroke: c.line }, size: 62, values: (_, ticks) => ticks.map((one) => `${one} h`) },
          ],
          series: [
            {}, { stroke: c.accent, width: 2, fill: c.line, points: { show: names.length < 40, size: 5 } },
            { stroke: c.accent, dash: [6, 4] }, { stroke: c.line, dash: [2, 3] }, { stroke: c.line, dash: [2, 3] }, { stroke: c.warm, dash: [4, 4] },
          ],
        },
        [[...x, near], ...lines] as uPlot.AlignedData,
        container,
      );
    },
    [collection],
  );
  const said = target ? `${collection.ready_hours.toFixed(2)} of ${target} hours` : `${collection.ready_hours.toFixed(2)} hours`;
  return (
    <figure>
      <figcaption>Hours of sound so far{target ? "; the orange line is the target, the dashed ones where the last two weeks lead" : ""}</figcaption>
      <div ref={place} class="chart" data-testid="hours-chart" role="img" aria-label={`${said} on ${names.length} days`} />
    </figure>
  );
}

/** The noise floor, the median level and the peak of each hour. */
export function NoiseChart(props: { hours: NoiseHour[] }) {
  const { hours } = props;
  const place = useChart(
    (container, width) => {
      if (!hours.length) return null;
      const c = colours();
      const first = hours[0]!.start / HOUR;
      const last = hours.at(-1)!.start / HOUR;
      const byHour = new Map(hours.map((one) => [one.start / HOUR, one]));
      const x: number[] = [];
      for (let at = first; at <= last; at++) x.push(at);
      const of = (name: "floor" | "median" | "peak"): (number | null)[] => x.map((at) => byHour.get(at)?.[name] ?? null);
      const shows = x.length < 100;
      return new uPlot(
        {
          width, height: 170, tzDate: (at) => utc(1000 * at), legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
          scales: { x: { range: [(first * HOUR) / 1000 - 1800, ((last + 1) * HOUR) / 1000] }, y: { range: [-100, 0] } },
          axes: [
            { stroke: c.ink, grid: { show: false }, ticks: { stroke: c.line }, incrs: [3600, 10_800, 21_600, 43_200, 86_400], values: (_, ticks) => ticks.map((at) => (at % 86_400 ? clock(1000 * at, HOUR) : dayOf(1000 * at).slice(5))) },
            { stroke: c.ink, grid: { stroke: c.line }, size: 66, values: (_, ticks) => ticks.map((one) => `${one} dB`) },
          ],
          series: [{}, { stroke: c.accent, width: 2, points: { show: shows, size: 5 } }, { stroke: c.ink, dash: [4, 4], points: { show: shows, size: 4 } }, { stroke: c.warm, width: 1, points: { show: shows, size: 4 } }],
        },
        [x.map((at) => (at * HOUR) / 1000), of("floor"), of("median"), of("peak")],
        container,
      );
    },
    [hours],
  );
  return (
    <figure>
      <figcaption>Level of each hour, in dB of full scale: noise floor (line), median (dashed), peak (orange)</figcaption>
      <div ref={place} class="chart" data-testid="noise-chart" role="img" aria-label={`Noise floor of ${hours.length} hours${hours.length ? `, ${hours.at(-1)!.floor.toFixed(0)} dBFS in the last one` : ""}`} />
    </figure>
  );
}
