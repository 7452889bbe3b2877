"""What people hear and see of the sound: slices, spectrogram tiles, peaks and coverage of any source, by absolute time.

Here belongs how segments, downloads and uploads become one timeline each. Here does not belong how a tile is computed (`audio/tiles.py`).
"""

from soundmill.workflows.listening.sound import Slice, SoundByTime
from soundmill.workflows.listening.tiles import Tiles

__all__ = ["Slice", "SoundByTime", "Tiles"]
