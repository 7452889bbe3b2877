// Colours: of levels (tables of 256 entries), and of tags.

export type Map256 = Uint8ClampedArray; // 256 times red, green, blue

const STOPS: Record<string, readonly string[]> = {
  magma: ["000004", "180f3d", "440f76", "721f81", "9e2f7f", "cd4071", "f1605d", "fd9668", "feca8d", "fcfdbf"],
  viridis: ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
  grey: ["000000", "ffffff"],
  inverted: ["ffffff", "000000"],
};
export const MAPS = Object.keys(STOPS);

/** 256 colours for levels: those below the range are the first colour, those above it the last. 0, no sound, is transparent elsewhere. */
export function table(name: string, lowDb: number, highDb: number): Map256 {
  const stops = (STOPS[name] ?? STOPS["magma"]!).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const colours = new Uint8ClampedArray(3 * 256);
  for (let value = 1; value < 256; value++) {
    const db = -120 + ((value - 1) * 120) / 254;
    const share = Math.min(1, Math.max(0, (db - lowDb) / Math.max(1, highDb - lowDb))) * (stops.length - 1);
    const at = Math.min(stops.length - 2, Math.floor(share));
    for (let part = 0; part < 3; part++) {
      const [a, b] = [stops[at]![part]!, stops[at + 1]![part]!];
      colours[3 * value + part] = a + (b - a) * (share - at);
    }
  }
  return colours;
}

const TAGS = ["#5ad1ff", "#ffd54a", "#7dff9b", "#ff8fd6", "#ffa552", "#c3a6ff", "#a8ff3e", "#ff7a7a", "#4affe0", "#f4f4f4"];

/** The colour of a tag by its place in the list of all tags, which never moves; light enough to be seen on magma. */
export function tagColour(tag: string, tags: readonly string[]): string {
  const place = tags.indexOf(tag);
  return TAGS[(place < 0 ? tags.length : place) % TAGS.length]!;
}
