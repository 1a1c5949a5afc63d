"""The HTTP API and the chat page."""

from api.app import create_app
from api.rate_limit import Limit, MemoryRateLimiter, RateLimiter
from api.state import ApiConfig, Limits, Services

__all__ = ["ApiConfig", "Limit", "Limits", "MemoryRateLimiter", "RateLimiter", "Services", "create_app"]
