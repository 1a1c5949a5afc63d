"""Durable delivery: what has to be told is told, once, in order and with consent, whatever dies meanwhile."""
