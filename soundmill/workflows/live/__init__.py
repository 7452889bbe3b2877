"""Verdicts on sound as it comes in: the champion on each segment as it closes, and events from what it says.

Here belongs what joins capture, features and recognisers outside the asset graph. The table `detections` stays the record.
"""

from soundmill.workflows.live.detector import Detector, WindowVerdict
from soundmill.workflows.live.events import EventTracker, LiveEvent
from soundmill.workflows.live.follow import Follower

__all__ = ["Detector", "EventTracker", "Follower", "LiveEvent", "WindowVerdict"]
