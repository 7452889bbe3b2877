// What the studio tells as it changes: server-sent events, for as long as the page is looked at.

import { signal } from "@preact/signals";
import type { Overview } from "./api.ts";

const NAMES: (keyof Overview)[] = ["stations", "detections", "runs", "downloads", "uploads", "quarantine", "collection"];

/** The newest of each part; those that have not come yet are missing. */
export const now = signal<Partial<Overview>>({});
/** Whether events come; "ended" where the studio refuses to tell any. */
export const line = signal<"opening" | "live" | "broken" | "ended">("opening");

/** Follows until the page is left. A page that nobody looks at lets the line go: a browser has six of them for all its tabs. */
export function follow(): () => void {
  let events: EventSource | null = null;
  const close = (): void => {
    events?.close();
    events = null;
  };
  const open = (): void => {
    if (events || document.hidden) return;
    const opened = new EventSource("/api/events");
    events = opened;
    opened.onopen = () => (line.value = "live");
    opened.onerror = () => (line.value = opened.readyState === EventSource.CLOSED ? "ended" : "broken");
    for (const name of NAMES)
      opened.addEventListener(name, (event) => {
        now.value = { ...now.value, [name]: JSON.parse((event as MessageEvent<string>).data) as never };
      });
  };
  const look = (): void => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", look);
  open();
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
