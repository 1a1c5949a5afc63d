"""Conversations with customers: who owns them, what is answered, and what supports it."""
