"""Segment, RudderStack and whatever else takes Segment's calls: identify, track and group."""

from signals.connectors.segment.connector import OBJECTS, Segment
from signals.connectors.segment.settings import SegmentSettings

__all__ = ["OBJECTS", "Segment", "SegmentSettings"]
