"""Adobe Marketo Engage: customers as leads, signals as custom activities, lists and programs."""

from signals.connectors.marketo.connector import OBJECTS, Marketo
from signals.connectors.marketo.settings import MarketoFields, MarketoSequence, MarketoSettings

__all__ = ["OBJECTS", "Marketo", "MarketoFields", "MarketoSequence", "MarketoSettings"]
