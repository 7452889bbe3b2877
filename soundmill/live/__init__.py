"""Verdicts on sound as it comes in: the champion on each segment as it closes, and events from what it says.

Here belongs what joins capture, features and recognisers outside the asset graph. The table `detections` stays the record.
"""

from soundmill.live.detector import Detector, Heard, NoChampion
from soundmill.live.events import EventTracker, LiveEvent
from soundmill.live.follow import Follower

__all__ = ["Detector", "EventTracker", "Follower", "Heard", "LiveEvent", "NoChampion"]
