"""Worlds whose truth is known, to measure predictions against; none of their numbers is in the product."""
