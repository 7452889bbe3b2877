// Who reads: a secret that this browser keeps, by which the studio knows its speaker. No name is asked for.

const PLACE = "soundmill speaker";

export function secret(): string {
  try {
    return localStorage.getItem(PLACE) ?? "";
  } catch {
    return "";
  }
}

export function keep(value: string): void {
  localStorage.setItem(PLACE, value);
}

/** The link by which a speaker finds their recordings again, on any device: what is behind the # is sent to no server. */
export const link = (value: string): string => `${location.origin}/my-recordings#${value}`;
