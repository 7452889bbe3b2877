// Samples as a WAV file of 16 bits, and what can be said of them at once.

/** Float samples in [-1, 1) as a mono WAV, rounded to nearest: 16-bit samples read as floats come back unchanged. */
export function wav(samples: Float32Array, rate: number): Blob {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at: number, letters: string): void => [...letters].forEach((one, place) => bytes.setUint8(at + place, one.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  for (let place = 0; place < samples.length; place++) {
    const step = Math.max(-32_768, Math.min(32_767, Math.round(samples[place]! * 32_768)));
    bytes.setInt16(44 + 2 * place, step, true);
  }
  return new Blob([bytes.buffer], { type: "audio/wav" });
}

/** A level in dB relative to full scale; -120 for digital silence. */
export const dbfs = (share: number): number => 20 * Math.log10(Math.max(share, 1e-6));

export function peakOf(samples: Float32Array): number {
  let peak = 0;
  for (const one of samples) peak = Math.max(peak, Math.abs(one));
  return peak;
}

export function rmsOf(samples: Float32Array, from = 0, to = samples.length): number {
  let sum = 0;
  for (let place = from; place < to; place++) sum += samples[place]! * samples[place]!;
  return Math.sqrt(sum / Math.max(1, to - from));
}

/** Levels of frames of 10 ms, in dBFS. */
export function levels(samples: Float32Array, rate: number): number[] {
  const frame = Math.round(rate / 100);
  const found: number[] = [];
  for (let from = 0; from + frame <= samples.length; from += frame) found.push(dbfs(rmsOf(samples, from, from + frame)));
  return found;
}

/** The longest run of samples that are exactly zero, in ms: a muted microphone, or one whose sound was lost. */
export function zerosMs(samples: Float32Array, rate: number): number {
  let longest = 0;
  let run = 0;
  for (const one of samples) {
    run = one === 0 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return (1000 * longest) / rate;
}

/** The longest run of clipped samples, in ms; single ones do not count. */
export function clippedMs(samples: Float32Array, rate: number): number {
  let longest = 0;
  let run = 0;
  for (const one of samples) {
    run = Math.abs(one) >= 0.99 ? run + 1 : 0;
    if (run >= 3) longest = Math.max(longest, run);
  }
  return (1000 * longest) / rate;
}

/** What is plainly wrong with a take, for whoever has just read it; empty where nothing is. The studio looks closer. */
export function plainlyWrong(samples: Float32Array, rate: number, gap: boolean, seconds: { shortest: number; longest: number }): string {
  const length = samples.length / rate;
  if (gap) return "the browser lost a part of the sound: close other programs, and read it again";
  if (zerosMs(samples, rate) > 5) return "the microphone gave no sound for a moment: read it again";
  if (clippedMs(samples, rate) > 1) return "it is too loud, and distorted: move away from the microphone, or turn it down";
  if (length < seconds.shortest) return "it is too short";
  if (length > seconds.longest) return `it is longer than ${seconds.longest} s`;
  return "";
}
