"""Servers that behave like the vendors that connectors talk to, good days and bad days."""
