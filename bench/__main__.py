"""`python -m bench [PART ...]`: prints each figure beside its target; without parts, all of them (see `PARTS`)."""

import sys

from bench import audio, capture, downloads, features, ingest, pipeline, speech, studio
from bench.measure import use_one_core

FIGURES = {"audio": audio, "features": features, "downloads": downloads, "speech": speech}
LINES = {"pipeline": pipeline, "downloads": downloads, "capture": capture, "speech": speech, "ingest": ingest, "studio": studio}
PARTS = tuple(dict.fromkeys((*FIGURES, *LINES)))


def main() -> None:
    """Runs the parts that are named, or all."""
    wanted = sys.argv[1:] or PARTS
    if unknown := set(wanted) - set(PARTS):
        raise SystemExit(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    use_one_core()
    print("medians of interleaved repeats on one core; a ratio above 1 means that we are faster\n")
    for part, module in FIGURES.items():
        if part in wanted:
            for figure in module.figures():
                print(figure.line(), flush=True)
    if "audio" in wanted:
        print(audio.snr_line())
    for part, source in LINES.items():
        if part in wanted:
            for line in source.lines():
                print(line, flush=True)


main()
