// The timeline: the picture of the sound with its boxes, and what pointer, fingers and wheel do on it.

import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { banded, changed, snapped, type Box } from "./boxes.ts";
import { cursor, play, player, playing } from "./playback.ts";
import { samplesOf } from "./player.ts";
import { AXIS_HEIGHT, Painter, WAVE_HEIGHT, showsSamples, type Hand, type Hit, type Scene } from "./scene.ts";
import * as s from "./session.ts";
import { clock, dayOf, length } from "./time.ts";
import { moved, pinched, span, toMs, zoomed } from "./view.ts";

const samples = signal<Scene["samples"]>(null);
export const width = signal(0);
const LONG_PRESS = 400; // ms that a finger rests before it draws
const SNAP = 6; // pixels within which an edge joins another

function scene(): Scene {
  return {
    source: s.source.value, view: s.view.value, timeline: s.timeline.value, days: s.days.value, boxes: s.boxes.value, others: s.others.value,
    predictions: s.openPredictions.value, selected: s.selected.value, selectedPrediction: s.selectedPrediction.value, tags: s.tags.value,
    samples: samples.value,
    look: { map: s.colours.value, mapKey: `${s.look.value.map} ${s.look.value.low} ${s.look.value.high}`, recipe: s.look.value.recipe, topHz: s.look.value.topHz },
  };
}

type Drag = { hand: Hand; box: Box | null; part: "new" | "pan" | Exclude<Hit & { kind: "box" }, never>["part"]; x: number; y: number; has_band: boolean; moved: boolean; at: number; taps?: boolean };

export function Timeline(props: { tip: (does: string) => string; zoom: (factor: number) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const painter = useRef<Painter | null>(null);
  const drag = useRef<Drag | null>(null);
  const dirty = useRef({ sound: true, boxes: true, asked: 0 });

  // a frame is drawn when something changed, and goes on by itself only while sound plays: an idle page costs nothing
  const ask = useRef((what: "sound" | "boxes" | "hand"): void => {
    if (what !== "hand") dirty.current[what] = true;
    if (!dirty.current.asked) dirty.current.asked = requestAnimationFrame(() => frame.current());
  }).current;
  const frame = useRef((): void => undefined);

  useEffect(() => {
    const container = place.current!;
    const mine = (painter.current = new Painter(container, () => ask("sound")));
    const fit = new ResizeObserver(() => {
      const height = Math.max(260, Math.min(620, Math.round(window.innerHeight * 0.42)));
      container.style.height = `${height}px`;
      width.value = container.clientWidth;
      mine.resize(container.clientWidth, height);
      ask("sound");
    });
    fit.observe(container);
    frame.current = (): void => {
      const { sound, boxes, asked } = dirty.current;
      dirty.current = { sound: false, boxes: false, asked: 0 };
      if (!s.source.value || !asked) return;
      const now = scene();
      if (sound) mine.sound(now);
      if (boxes || sound) mine.boxes(now);
      const at = player.cursor();
      if (at !== null) cursor.value = at;
      mine.hand(now, cursor.value, drag.current && drag.current.part !== "pan" ? drag.current.hand : null);
      if (player.isPlaying) ask("hand");
    };
    return () => {
      cancelAnimationFrame(dirty.current.asked);
      fit.disconnect();
    };
  }, []);

  useSignalEffect(() => {
    void [s.source.value, s.view.value, s.look.value, s.timeline.value, s.days.value, samples.value];
    ask("sound");
  });
  useSignalEffect(() => {
    void [s.boxes.value, s.others.value, s.openPredictions.value, s.selected.value, s.selectedPrediction.value, s.tags.value];
    ask("boxes");
  });
  useSignalEffect(() => {
    void [cursor.value, playing.value];
    ask("hand");
  });
  useSignalEffect(() => {
    const view = s.view.value;
    if (!s.source.value || !showsSamples(view, width.value, painter.current?.rate ?? 44_100)) return void (samples.value = null);
    const wait = setTimeout(() => void samplesOf(s.source.value, view.from - span(view), view.to + span(view)).then((found) => { if (s.view.value === view) samples.value = found; }), 60);
    return () => clearTimeout(wait);
  });

  const point = (event: PointerEvent | WheelEvent): { x: number; y: number; at: number } => {
    const bounds = place.current!.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    return { x, y: event.clientY - bounds.top, at: toMs(s.view.value, x, bounds.width) };
  };

  const fingers = useRef(new Map<number, number>()).current; // places of those that touch, in pixels from the left
  const pinch = useRef<[number, number] | null>(null);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  /** One finger moves the view, and draws after it has rested; two zoom. Says whether the touch is dealt with. */
  const touched = (event: PointerEvent): boolean => {
    if (event.pointerType !== "touch") return false;
    const { x, y, at } = point(event);
    fingers.set(event.pointerId, x);
    clearTimeout(resting.current);
    if (fingers.size === 2) {
      drag.current = null;
      pinch.current = [...fingers.values()] as [number, number];
      return true;
    }
    const hit = painter.current!.hit(scene(), x, y);
    if (hit?.kind === "box" && hit.box.id === s.selected.value) return false; // the selected box follows the finger
    const nothing: Hand = { start: at, end: at, low: null, high: null };
    drag.current = { hand: nothing, box: null, part: "pan", x, y, has_band: false, moved: false, at };
    resting.current = setTimeout(() => {
      if (!drag.current || drag.current.moved) return;
      drag.current = { ...drag.current, part: "new", has_band: y > WAVE_HEIGHT, taps: false };
      navigator.vibrate?.(15);
      s.notice.value = "Move the finger to draw a box.";
    }, LONG_PRESS);
    drag.current.taps = true;
    place.current!.setPointerCapture(event.pointerId);
    return true;
  };

  /** The edges that a box joins: those of other boxes and of predictions in view. */
  const edges = (but: string | null): number[] =>
    [...s.boxes.value.filter((one) => one.id !== but), ...s.openPredictions.value].flatMap((one) => [one.start, one.end]).filter((one) => one > s.view.value.from && one < s.view.value.to);

  const down = (event: PointerEvent): void => {
    if (event.button === 2) return;
    place.current!.focus();
    if (touched(event)) return;
    const { x, y, at } = point(event);
    const mine = painter.current!;
    const hit = mine.hit(scene(), x, y);
    const pans = event.button === 1 || event.altKey || y > place.current!.clientHeight - AXIS_HEIGHT;
    const nothing: Hand = { start: at, end: at, low: null, high: null };
    if (pans) drag.current = { hand: nothing, box: null, part: "pan", x, y, has_band: false, moved: false, at };
    else if (hit?.kind === "box" && hit.box.state !== "rejected" && !event.shiftKey) {
      s.choose(hit.box.id);
      drag.current = { hand: hit.box, box: hit.box, part: hit.part, x, y, has_band: hit.box.low !== null || hit.box.high !== null, moved: false, at };
    } else drag.current = { hand: nothing, box: null, part: "new", x, y, has_band: y > WAVE_HEIGHT, moved: false, at };
    place.current!.setPointerCapture(event.pointerId);
  };

  const move = (event: PointerEvent): void => {
    const mine = painter.current!;
    const { x, y, at: exact } = point(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, x);
    if (pinch.current) {
      const after = [...fingers.values()] as [number, number];
      s.go(pinched(s.view.value, pinch.current, after, width.value), false);
      pinch.current = after;
      return;
    }
    const now = drag.current;
    if (!now) {
      const hit = mine.hit(scene(), x, y);
      const edge = hit?.kind === "box" ? hit.part : null;
      place.current!.style.cursor = y > place.current!.clientHeight - AXIS_HEIGHT ? "grab" : edge === "start" || edge === "end" ? "ew-resize" : edge === "low" || edge === "high" ? "ns-resize" : hit ? "pointer" : "crosshair";
      return;
    }
    if (!now.moved && Math.hypot(x - now.x, y - now.y) < 4) return;
    now.moved = true;
    ask("hand");
    const look = scene().look;
    const reach = event.altKey ? 0 : (SNAP * span(s.view.value)) / Math.max(1, width.value);
    const near = (ms: number): number => snapped(ms, edges(now.box?.id ?? null), reach);
    const [at, by] = [near(exact), exact - now.at];
    if (now.part === "pan") {
      const share = -(x - now.x) / width.value;
      now.x = x;
      return s.go(moved(s.view.value, share), false);
    }
    if (now.part === "new") {
      const band = now.has_band && Math.abs(y - now.y) > 10;
      const [a, b] = [mine.hzAt(now.y, look), mine.hzAt(y, look)];
      const begun = near(now.at);
      now.hand = { start: Math.min(begun, at), end: Math.max(begun, at), low: band ? Math.min(a, b) : null, high: band ? Math.max(a, b) : null };
      return;
    }
    const box = now.box!;
    const hz = mine.hzAt(y, look) - mine.hzAt(now.y, look);
    if (now.part === "start") now.hand = { ...box, start: Math.min(near(box.start + by), box.end - 1) };
    else if (now.part === "end") now.hand = { ...box, end: Math.max(near(box.end + by), box.start + 1) };
    else if (now.part === "low" || now.part === "high") now.hand = { ...box, ...banded(box, now.part, hz, mine.topHz(look)) };
    else now.hand = { start: box.start + by, end: box.end + by, low: box.low === null ? null : Math.max(0, box.low + hz), high: box.high === null ? null : box.high + hz };
  };

  const left = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    clearTimeout(resting.current);
    if (pinch.current && fingers.size < 2) pinch.current = drag.current = null;
  };

  const up = (event: PointerEvent): void => {
    const now = drag.current;
    left(event);
    drag.current = null;
    ask("hand");
    if (!now || (now.part === "pan" && (now.moved || !now.taps))) return;
    if (now.moved && now.part === "new") return s.draw(now.hand.start, now.hand.end, now.hand.low, now.hand.high);
    if (now.moved && now.box) {
      const { start, end, low, high } = now.hand;
      return s.commit(changed(s.boxes.value, now.box.id, { start, end, low, high }));
    }
    if (now.part !== "new" && !now.taps) return;
    const hit = painter.current!.hit(scene(), now.x, now.y);
    if (hit?.kind === "prediction") return s.choosePrediction(hit.prediction);
    if (hit?.kind === "box") return s.choose(hit.box.id);
    s.choose(null);
    cursor.value = now.at;
    if (playing.value) play(now.at, Math.max(s.view.value.to, now.at + 1));
  };

  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { at } = point(event);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) s.go(moved(s.view.value, (event.deltaX || event.deltaY) / 1000), false);
    else s.go(zoomed(s.view.value, 2 ** (event.deltaY / 240), at), false);
  };
  useEffect(() => {
    const container = place.current!;
    container.addEventListener("wheel", wheel, { passive: false });
    return () => container.removeEventListener("wheel", wheel);
  }, []);

  const view = s.view.value;
  const label = `${s.source.value}, ${dayOf(view.from)} from ${clock(view.from)} to ${clock(view.to)} UTC`;
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="range">
        <span>{dayOf(view.from)} {clock(view.from, span(view) / 10)} to {dayOf(view.to) === dayOf(view.from) ? "" : `${dayOf(view.to)} `}{clock(view.to, span(view) / 10)} UTC, {length(span(view))}</span>
        <span class="grow" />
        <button title={props.tip("zoom in")} onClick={() => props.zoom(0.5)}>Zoom in</button>
        <button title={props.tip("zoom out")} onClick={() => props.zoom(2)}>Zoom out</button>
        {s.task.value
          ? <button title="show the whole session (0)" onClick={s.showTask}>Session</button>
          : <button title={props.tip("show the whole day")} onClick={() => void s.openDay(s.day.value)}>Day</button>}
        <button title={props.tip("back to the view before")} disabled={!s.back.value.length} onClick={s.goBack}>Back</button>
      </div>
      <div
        ref={place} class="canvases" data-testid="timeline" role="application" tabIndex={0} aria-label={label} aria-describedby="timeline-keys"
        onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={(event) => { left(event); drag.current = null; }}
      />
      <p id="timeline-keys" class="soft small">Drag to draw a box (in the spectrogram with frequency bounds), the wheel zooms, Shift and wheel, or the axis, moves; Shift and drag draws on top of a box; press ? for all keys. Edges join those of other boxes, but with Alt. By touch: one finger moves, two zoom, and one that rests first draws. The table below holds the same boxes.</p>
    </section>
  );
}
