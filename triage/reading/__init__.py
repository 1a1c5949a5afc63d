"""What is new in a message, in the customer's own words, and where each of them stands in the original."""

from triage.reading.pieces import LONGEST
from triage.reading.plain_text import Cut
from triage.reading.reader import Reading, read_message

__all__ = ["LONGEST", "Cut", "Reading", "read_message"]
