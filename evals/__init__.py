"""Offline evaluation: data sets, metrics with intervals, suites, reports, and the gate that holds them."""
