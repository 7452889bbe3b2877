"""The ring between a source's thread and the recorder."""

from soundmill.capture.ring import Block, Ring
from tests.soundmill.capture.scripted import noise


def test_a_full_ring_counts_what_it_drops_and_never_waits() -> None:
    ring = Ring(1000)
    for number in range(10):
        assert ring.put(Block(noise(300), 300 * number))
    assert (ring.held, ring.overruns, ring.lost) == (900, 7, 2100)
    assert [block.position for block in ring.take(0) or []] == [0, 300, 600]
    assert ring.take(0) == []
    ring.end()
    assert ring.take(0) is None
    assert not ring.put(Block(noise(10), 0))
