"""`python -m bench [audio] [features] [pipeline] [downloads] [capture] [speech] [ingest]`: prints each figure beside its target."""

import sys

from bench import audio, capture, downloads, features, ingest, pipeline, speech
from bench.measure import use_one_core

PARTS = ("audio", "features", "pipeline", "downloads", "capture", "speech", "ingest")


def main() -> None:
    """Runs the parts that are named, or all."""
    wanted = sys.argv[1:] or PARTS
    if unknown := set(wanted) - set(PARTS):
        raise SystemExit(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    use_one_core()
    print("medians of interleaved repeats on one core; a ratio above 1 means that we are faster\n")
    for part, module in (("audio", audio), ("features", features), ("downloads", downloads), ("speech", speech)):
        if part in wanted:
            for figure in module.figures():
                print(figure.line(), flush=True)
    if "audio" in wanted:
        print(audio.snr_line())
    for part, module in (("pipeline", pipeline), ("downloads", downloads), ("capture", capture), ("speech", speech), ("ingest", ingest)):
        if part in wanted:
            for line in module.lines():
                print(line, flush=True)


main()
