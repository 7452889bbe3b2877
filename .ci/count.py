"""Reads a JUnit XML report and prints `N passed, N failed` as the run's last line. Exits 1 where no test ran, or one failed."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(report: Path) -> int:
    if not report.exists():
        print("0 passed, 0 failed")
        return 1
    cases = ElementTree.parse(report).getroot().findall(".//testcase")
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    passed = len(cases) - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
