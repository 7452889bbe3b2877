// Spectra of samples that are in the browser and nowhere else: of a file that was dropped, of a microphone.

export const SIZE = 1024;

/** The power spectrum of `SIZE` windowed samples from a place on, in dB of full scale, shape (SIZE / 2,), low frequencies first. */
export function spectrum(samples: Float32Array, from: number): Float32Array {
  const re = new Float32Array(SIZE);
  const im = new Float32Array(SIZE);
  for (let at = 0; at < SIZE; at++) re[REVERSED[at]!] = (samples[from + at] ?? 0) * HANN[at]!;
  for (let half = 1; half < SIZE; half *= 2) {
    const step = SIZE / (2 * half);
    for (let start = 0; start < SIZE; start += 2 * half) {
      for (let at = 0; at < half; at++) {
        const [cos, sin] = [COS[at * step]!, SIN[at * step]!];
        const [a, b] = [start + at, start + at + half];
        const [x, y] = [re[b]! * cos + im[b]! * sin, im[b]! * cos - re[b]! * sin];
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a] = re[a]! + x;
        im[a] = im[a]! + y;
      }
    }
  }
  const found = new Float32Array(SIZE / 2);
  for (let at = 0; at < SIZE / 2; at++) found[at] = 10 * Math.log10(Math.max(1e-12, (re[at]! ** 2 + im[at]! ** 2) * SCALE));
  return found;
}

const BITS = Math.log2(SIZE);
const REVERSED = Uint16Array.from({ length: SIZE }, (_, at) => {
  let turned = 0;
  for (let bit = 0; bit < BITS; bit++) turned |= ((at >> bit) & 1) << (BITS - 1 - bit);
  return turned;
});
const HANN = Float32Array.from({ length: SIZE }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / SIZE));
const COS = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / SIZE));
const SIN = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.sin((2 * Math.PI * at) / SIZE));
const SCALE = (4 / SIZE) ** 2; // a sine at full scale is 0 dB
