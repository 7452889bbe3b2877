// Runs beside the sound card: hands on what the microphone gives, sample by sample, with its place in time, so that a gap shows.

declare const currentFrame: number;
declare const registerProcessor: (name: string, processor: unknown) => void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const BLOCK = 1024; // samples: 23 ms at 44.1 kHz

class Capture extends AudioWorkletProcessor {
  private block = new Float32Array(BLOCK);
  private filled = 0;
  private start = 0;

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    if (!samples) {
      this.filled = 0; // nothing comes: the next block begins anew, and shows that it does
      return true;
    }
    if (this.filled && this.start + this.filled !== currentFrame) this.filled = 0;
    if (!this.filled) this.start = currentFrame;
    this.block.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled + samples.length > BLOCK) {
      const sent = this.block.slice(0, this.filled);
      this.port.postMessage({ frame: this.start, samples: sent }, [sent.buffer]);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
