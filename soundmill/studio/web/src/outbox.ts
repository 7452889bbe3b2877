// Takes on their way: first in this browser's own store, then in the studio, again and again until it has them. They outlive a closed tab.

import { signal } from "@preact/signals";
import * as api from "./api.ts";

export interface Waiting {
  readonly key: string;
  readonly base: string;
  readonly set: string;
  readonly utterance: string;
  readonly text: string;
  readonly secret: string;
  readonly audio: Blob;
  readonly recordedAt: number;
  readonly settings: Record<string, unknown>;
  readonly gap: boolean;
  readonly added: number;
  readonly replaces?: string | undefined; // the key of a take that goes once this one is there
  state: "draft" | "queued" | "refused"; // draft: not kept yet
  why: string;
}

export const waiting = signal<readonly Waiting[]>([]);
export const trouble = signal(""); // why the last attempt failed

const STORE = "takes";
const RETRIES_MS = [1000, 2000, 4000, 8000, 16_000, 30_000, 60_000];
const news = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("soundmill outbox");
let told: (take: api.TakeOut) => void = () => undefined;
let attempts = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The key of a take: the same sound of the same sentence by the same speaker is one take, however often it is sent. */
export async function keyOf(audio: Blob, set: string, utterance: string, speaker: string): Promise<string> {
  const sound = hex(await crypto.subtle.digest("SHA-256", await audio.arrayBuffer()));
  return hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode([sound, set, utterance, speaker].join("\n"))));
}

/** Begins to send what waits; `then` is told what became of each take, also of those that another tab sent. */
export function start(then: (take: api.TakeOut) => void): () => void {
  told = then;
  if (news) news.onmessage = (event: MessageEvent<api.TakeOut | null>) => { if (event.data) told(event.data); void refresh(); };
  const now = (): void => wake();
  window.addEventListener("online", now);
  void refresh().then(now);
  return () => { window.removeEventListener("online", now); clearTimeout(timer); };
}

/** Stores a take, in the place of one with its key. It is on the disk when this returns. Raises where the browser has no room. */
export async function put(take: Waiting): Promise<void> {
  await transaction("readwrite", (store) => store.put(take));
  await refresh();
  if (take.state === "queued") wake();
}

export async function drop(key: string): Promise<void> {
  await transaction("readwrite", (store) => store.delete(key));
  await refresh();
}

export async function draftOf(set: string): Promise<Waiting | undefined> {
  await refresh();
  return waiting.value.find((one) => one.set === set && one.state === "draft");
}

/** Tries now what waits. */
export function wake(): void {
  clearTimeout(timer);
  const locks = navigator.locks;
  if (!locks) return void send();
  void locks.request("soundmill outbox", { ifAvailable: true }, (lock) => (lock ? send() : later()));
}

async function refresh(): Promise<void> {
  const all = await transaction<Waiting[]>("readonly", (store) => store.getAll());
  waiting.value = all.sort((one, two) => one.added - two.added);
}

async function send(): Promise<void> {
  await refresh();
  for (const take of waiting.value.filter((one) => one.state === "queued")) {
    try {
      const stored = await api.storeTake(take);
      if (take.replaces && take.replaces !== take.key) await api.deleteMine(take.secret, take.replaces).catch(known);
      await drop(take.key);
      attempts = 0;
      trouble.value = "";
      told(stored);
      news?.postMessage(stored);
    } catch (error) {
      const { status, message } = error as api.Refused;
      if (status === 410) await drop(take.key); // nobody consents to it any longer: it is kept nowhere
      else if ([400, 404, 413, 422].includes(status)) await put({ ...take, state: "refused", why: message });
      else {
        trouble.value = message ?? String(error);
        later();
        return;
      }
      trouble.value = message;
      news?.postMessage(null);
    }
  }
}

/** What is not there needs no deletion. */
function known(error: api.Refused): void {
  if (error.status !== 404) throw error;
}

function later(): void {
  clearTimeout(timer);
  timer = setTimeout(wake, RETRIES_MS[Math.min(attempts++, RETRIES_MS.length - 1)]!);
}

const hex = (bytes: ArrayBuffer): string => [...new Uint8Array(bytes)].map((one) => one.toString(16).padStart(2, "0")).join("");

let opening: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("soundmill", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => { opening = undefined; reject(asked.error); };
  });
  return opening;
}

async function transaction<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const open = await database();
  return new Promise((resolve, reject) => {
    const run = open.transaction(STORE, mode, { durability: "strict" });
    const asked = work(run.objectStore(STORE));
    run.oncomplete = () => resolve(asked.result as T);
    run.onabort = run.onerror = () => reject(run.error ?? asked.error);
  });
}
