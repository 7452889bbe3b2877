// Keys: declared in one table, from which what is bound, the help and the tooltips come.

export interface Action {
  readonly keys: readonly string[]; // as `combination` writes them
  readonly does: string;
  readonly group: string;
  readonly run: (event: KeyboardEvent) => void;
}

/** `Ctrl+Shift+z`, `ArrowLeft`, `?`: how the table writes a key that was pressed. Shift counts where the key is no character. */
export function combination(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  const isLetter = /^[a-z]$/.test(key);
  if (event.shiftKey && (key.length > 1 || isLetter)) parts.push("Shift");
  return [...parts, key].join("+");
}

/** Whether keys are typed into something now, so that single letters are text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName) || (target instanceof HTMLInputElement && !["range", "checkbox", "button"].includes(target.type));
}

/** Acts on keys of the page until the returned function is called. */
export function listen(actions: () => readonly Action[]): () => void {
  const pressed = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const wanted = combination(event);
    const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary") && ["Space", "Enter"].includes(wanted);
    if (onControl) return;
    const action = actions().find((one) => one.keys.includes(wanted));
    if (!action) return;
    event.preventDefault();
    action.run(event);
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

const SYMBOLS: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** A key as people read it. */
export const shown = (key: string): string => key === "+" ? "+" :
  key.split("+").map((part) => SYMBOLS[part] ?? (/^[a-z]$/.test(part) ? part.toUpperCase() : part)).join(" + ") || "+";
