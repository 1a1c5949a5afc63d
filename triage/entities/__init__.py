"""Things a message names: order, invoice, product, money, date, error code, and a company's own patterns."""

from triage.entities.entity import Entity
from triage.entities.finder import LONGEST, EntityFinder
from triage.entities.own_patterns import EntityPattern

__all__ = ["LONGEST", "Entity", "EntityFinder", "EntityPattern"]
