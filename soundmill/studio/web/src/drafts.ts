// Saving while somebody works: first in this browser, then in the studio, again and again until it is there.

import * as api from "./api.ts";

export type SaveState = "saved" | "changed" | "saving" | "waiting" | "conflict" | "handed in";
const AFTER_MS = 600;
const RETRIES_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

interface Kept {
  readonly content: api.LabelsIn;
  readonly version: number;
}

/** Where a draft is kept in the studio, under a name of its own. */
export interface Place {
  readonly name: string;
  /** Saves in place of the draft of this version, and returns the new one. Raises `Refused`. */
  save(content: api.LabelsIn, version: number): Promise<number>;
  /** The version that is stored now; 0 where there is none. */
  version(): Promise<number>;
}

/** A source's day. */
export const dayPlace = (source: string, day: string): Place => ({
  name: `${source} ${day}`,
  save: async (content, version) => (await api.saveDraft(source, day, content, version)).version,
  version: async () => (await api.labels(source, day)).draft?.version ?? 0,
});

/** A session of a round. */
export const taskPlace = (task: api.Task): Place => ({
  name: `round ${task.round} ${task.number}`,
  save: async (content, version) => (await api.saveTask(task, content, version)).version,
  version: async () => (await api.claim(task.round, task.number))?.draft?.version ?? 0,
});

/** Labels that somebody is at. */
export class Draft {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempts = 0;
  private isClosed = false; // another one has taken its place on the page
  private content: api.LabelsIn | undefined; // not saved in the studio yet
  private running: Promise<void> = Promise.resolve();
  private readonly at: Place;
  private version: number;
  private readonly told: (state: SaveState, why?: string) => void;

  constructor(at: Place, version: number, told: (state: SaveState, why?: string) => void) {
    this.at = at;
    this.version = version;
    this.told = told;
  }

  private get place(): string {
    return `soundmill draft of ${document.body.dataset["user"] ?? ""}: ${this.at.name}`; // several people may share a browser
  }

  /** What this browser kept and the studio has not: after a crash, or while it was away. */
  local(): Kept | undefined {
    try {
      return JSON.parse(localStorage.getItem(this.place) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** Takes a change; it is saved shortly. */
  change(content: api.LabelsIn): void {
    this.content = content;
    try {
      localStorage.setItem(this.place, JSON.stringify({ content, version: this.version } satisfies Kept));
    } catch {
      // a full store: the studio's copy is what counts
    }
    this.tell("changed");
    this.later(AFTER_MS);
  }

  /** Saves now what is not saved. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    await (this.running = this.running.then(() => this.save()));
  }

  /** Hands in; the draft is gone then. Raises `Refused`. */
  async submit<T>(send: () => Promise<T>): Promise<T> {
    clearTimeout(this.timer);
    await this.running;
    const saved = await send();
    this.content = undefined;
    this.version = 0;
    localStorage.removeItem(this.place);
    this.tell("handed in");
    return saved;
  }

  /** Keeps this tab's labels although another one saved meanwhile. */
  async overrule(): Promise<void> {
    this.version = await this.at.version();
    await this.flush();
  }

  /** Gives up what this browser kept and the studio has not. */
  forget(): void {
    this.content = undefined;
    localStorage.removeItem(this.place);
    this.close();
  }

  close(): void {
    clearTimeout(this.timer);
    this.isClosed = true;
  }

  private tell(state: SaveState, why = ""): void {
    if (!this.isClosed) this.told(state, why);
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private async save(): Promise<void> {
    const content = this.content;
    if (content === undefined) return;
    this.tell("saving");
    try {
      this.version = await this.at.save(content, this.version);
    } catch (error) {
      const refused = error as api.Refused;
      if (refused.status === 412) return this.tell("conflict");
      this.tell("waiting", refused.message);
      if (refused.status !== 400) this.later(RETRIES_MS[Math.min(this.attempts++, RETRIES_MS.length - 1)]!);
      return;
    }
    this.attempts = 0;
    if (this.content !== content) return this.later(AFTER_MS); // more came meanwhile
    this.content = undefined;
    localStorage.removeItem(this.place);
    this.tell("saved");
  }
}
