"""Measuring against peers, under load, and across crashes: ``make bench``, ``make load``, ``make crash``."""
