"""`python -m bench.recognition esc10|folder`: the recognisers on real collections, as a table and as JSON."""

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.recognition.collection import Clips, describe, esc10, folder, own_background
from bench.recognition.networks import networks
from bench.recognition.protocol import Features, Pipeline, Result, features, run
from soundmill.errors import ExtractorUnavailable
from soundmill.features.registry import extractor

FOUR = 4
# name: extractor, the original's recogniser, clips a class or all, backgrounds
STUDY: dict[str, tuple[str, bool, int | None, tuple[str, ...]]] = {
    "original": ("loudest_frames", True, None, ("none", "own")),
    "default": ("pooled_spectral", False, None, ("none", "own")),
    "mn04": ("mn04", False, None, ("none", "own")),
    "yamnet": ("yamnet", False, None, ("none", "own")),
    "default_four_shots": ("pooled_spectral", False, FOUR, ("none",)),
    "mn04_four_shots": ("mn04", False, FOUR, ("none",)),
    "yamnet_four_shots": ("yamnet", False, FOUR, ("none",)),
}
_COLUMNS = ("closed", "auroc", "fpr95", "oscr", "accw", "expected_recall", "delivered_recall")
_clips: Clips | None = None
_data: dict[str, Features] = {}


def main() -> None:
    """Runs the study that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.recognition", description=__doc__)
    studies = parser.add_subparsers(dest="study", required=True)
    ten = studies.add_parser("esc10", help="ESC-10 in SOUNDMILL_TEST_DATA: 6 of 10 classes are trained on")
    any_folder = studies.add_parser("folder", help="a folder of class folders: 60 %% of the classes are trained on")
    any_folder.add_argument("folder", type=Path)
    any_folder.add_argument("--groups", type=Path, help="CSV of file and group; clips of a group stay on one side")
    for study, draws in ((ten, 10), (any_folder, 5)):
        study.add_argument("--draws", type=int, default=draws, help=f"draws of the known classes (default {draws})")
        study.add_argument("--json", type=Path, help="write the results to this file")
        study.add_argument("--only", help="names of pipelines, comma separated: " + ", ".join(STUDY))
    chosen = parser.parse_args()
    if chosen.study == "folder" and not chosen.folder.is_dir():
        parser.error(f"{chosen.folder} is no folder")
    clips = esc10() if chosen.study == "esc10" else folder(chosen.folder, chosen.groups)
    for line in describe(clips):
        print(line)
    wanted = [name.strip() for name in chosen.only.split(",")] if chosen.only else list(STUDY)
    if unknown := set(wanted) - set(STUDY):
        parser.error(f"no pipeline is called {', '.join(sorted(unknown))}")
    results: dict[str, Any] = {}
    print(_heading(), flush=True)
    for name, result in _results(clips, wanted, chosen.draws):
        results[name] = result.as_json()
        for line in _lines(name, results[name]):
            print(line, flush=True)
    print("none: without background. own: with background of our own making (synthesised household sounds, rain, babble, noise).")
    if chosen.json:
        report = {"collection": clips.name, "clips": len(clips.samples), "draws": chosen.draws, "pipelines": results}
        chosen.json.write_text(json.dumps(report, indent=1) + "\n")


def _results(clips: Clips, wanted: list[str], draws: int) -> Iterator[tuple[str, Result]]:
    """One pipeline after another as they finish, each on a core of its own."""
    global _clips
    _clips = clips
    background = own_background(clips.sample_rate)
    for name in dict.fromkeys(STUDY[name][0] for name in wanted):
        try:
            _data[name] = features(extractor(name, networks()), clips, background)
        except ExtractorUnavailable as error:
            print(f"left out: {error}")
    names = [name for name in wanted if STUDY[name][0] in _data]
    cores = sorted(os.sched_getaffinity(0))
    with ProcessPoolExecutor(len(cores), mp_context=get_context("fork")) as pool:
        started = [(name, pool.submit(_one, name, cores[place % len(cores)], draws)) for place, name in enumerate(names)]
        for name, future in started:
            yield name, future.result()


def _one(name: str, core: int, draws: int) -> Result:
    from threadpoolctl import threadpool_limits

    os.sched_setaffinity(0, {core})
    tool, original, shots, backgrounds = STUDY[name]
    if _clips is None:
        raise RuntimeError("this process was not forked from one that read the clips")
    pipeline = Pipeline(name, _data[tool], _clips, original)
    with threadpool_limits(1):
        return run(pipeline, draws, shots, backgrounds)


def _heading() -> str:
    return (
        f"{'pipeline':<24}{'background':<12}{'closed, all':>12}"
        + "".join(f"{name.replace('_recall', ''):>18}" for name in _COLUMNS)
        + (f"{'fit s':>8}{'verdict ms':>12}")
    )


def _lines(name: str, result: dict[str, Any]) -> Iterator[str]:
    for background, figures in result["background"].items():
        cells = "".join(f"{figures[key]:>11.3f} ±{figures['spread'][key]:.3f}" for key in _COLUMNS)
        yield f"{name:<24}{background:<12}{result['closed']:>12.3f}{cells}{result['fit_seconds']:>8.2f}{result['verdict_ms']:>12.2f}"


if __name__ == "__main__":
    main()
