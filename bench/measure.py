"""Measuring fairly: one core, repeats taken in turn, medians of CPU seconds."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPEATS = 7
DATA = Path(os.environ.get("SOUNDMILL_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Figure:
    """A ratio of a peer's cost to ours: above 1 we are faster. `at_least` is the target; None where there is none."""

    what: str
    ours_ms: float
    peer: str
    peer_ms: float
    at_least: float | None

    @property
    def ratio(self) -> float:
        """Times as fast as the peer."""
        return self.peer_ms / self.ours_ms

    def line(self) -> str:
        """One line of the table."""
        verdict = "" if self.at_least is None else f"target {self.at_least:5.2f}  " + ("ok" if self.ratio >= self.at_least else "SHORT")
        return f"{self.what:<42} {self.ours_ms:10.1f} ms {self.peer:>26} {self.peer_ms:10.1f} ms {self.ratio:8.2f} x  {verdict}"


def use_one_core() -> None:
    """Keeps this process, its threads and its children on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def medians(contestants: Mapping[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Median CPU milliseconds of each contestant, children included, taken in turn after one warm-up each."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for round_ in range(repeats + 1):
        for name, run in contestants.items():
            before = _cpu_seconds()
            run()
            if round_:
                taken[name].append(1000 * (_cpu_seconds() - before))
    return {name: statistics.median(times) for name, times in taken.items()}


def wall_ms(run: Callable[[], object], repeats: int = 5) -> float:
    """Median wall milliseconds."""
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - before))
    return statistics.median(times)


def _cpu_seconds() -> float:
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
