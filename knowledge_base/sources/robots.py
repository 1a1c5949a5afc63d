"""What a site allows robots to fetch, and how fast (RFC 9309)."""

from __future__ import annotations

from urllib.robotparser import RobotFileParser

from knowledge_base.errors import CannotLoad, SourceUnavailable
from knowledge_base.sources.safe_http import SafeClient

PRODUCT = "Careloop"
_MOST_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB must be read


class Rules:
    """The rules of one site for ``PRODUCT``; an empty text allows everything."""

    def __init__(self, text: str) -> None:
        self._parser = RobotFileParser()
        self._parser.parse(text.splitlines())

    def allow(self, url: str) -> bool:
        """Whether ``url`` may be fetched."""
        return self._parser.can_fetch(PRODUCT, url)

    @property
    def delay(self) -> float:
        """Seconds to leave between two requests; 0 where the site does not say."""
        return float(self._parser.crawl_delay(PRODUCT) or 0)

    @property
    def sitemaps(self) -> list[str]:
        """URLs of the sitemaps that the site names."""
        return self._parser.site_maps() or []


async def fetch_rules(client: SafeClient, origin: str) -> Rules:
    """The rules at ``origin``; without a robots.txt everything is allowed.

    Raises ``SourceUnavailable`` when the file cannot be had, which means that nothing may be fetched
    (RFC 9309, 2.3.1.4), and ``UnsafeAddress``.
    """
    try:
        fetched = await client.follow(f"{origin}/robots.txt", most_bytes=_MOST_BYTES)
    except CannotLoad as error:
        raise SourceUnavailable(f"{origin}/robots.txt cannot be read: {error.detail}") from None
    if fetched.status >= 500 or fetched.status == 429:
        raise SourceUnavailable(f"{origin}/robots.txt answers with status {fetched.status}.")
    if fetched.status >= 400:
        return Rules("")
    return Rules(fetched.body.decode("utf-8", "replace"))
