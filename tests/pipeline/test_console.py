"""What a run says on the terminal is one line for each message."""

import logging

from pipeline.console import _OneLine


def line(message: str, level: int = logging.INFO) -> str:
    return _OneLine().format(logging.LogRecord("dagster", level, "", 0, message, None, None))


def test_a_message_stands_without_the_run_s_name_and_without_its_trace() -> None:
    said = line("__ephemeral_asset_job__ - 3f2a - captured_segments - 12 segments\nTraceback (most recent call last):")
    assert said.endswith("info    captured_segments - 12 segments")
    assert "\n" not in said


def test_a_message_of_one_s_own_with_dashes_stays_whole() -> None:
    assert line("a - b - c", logging.WARNING).endswith("warning a - b - c")
