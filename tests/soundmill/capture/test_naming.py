"""A segment's file name holds everything that is known of it."""

from soundmill.capture.naming import SegmentName
from tests.soundmill.capture.scripted import NOON


def test_a_name_tells_everything_and_comes_back() -> None:
    name = SegmentName(NOON, 1767614400000, 12, 1_588_224)
    assert str(name) == "1767614400000_s1767614400000_n00000012_p00000001588224.wav"
    assert SegmentName.parse(str(name)) == name
    assert SegmentName.parse("20260105T120000Z.wav") is None
