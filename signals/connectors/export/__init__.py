"""Signals and what became of them as a file, for whoever works in a sheet or a warehouse."""

from signals.connectors.export.signals import Allowed, Exported, ExportFormat, ExportRow, export_signals

__all__ = ["Allowed", "ExportFormat", "ExportRow", "Exported", "export_signals"]
