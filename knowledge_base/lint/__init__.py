"""What in a knowledge base will mislead a customer: contradictions, duplicates, stale pages, dead links."""

from knowledge_base.lint.finding import Finding, FindingKind, Place
from knowledge_base.lint.linter import STALE_AFTER_MONTHS, Linter

__all__ = ["STALE_AFTER_MONTHS", "Finding", "FindingKind", "Linter", "Place"]
