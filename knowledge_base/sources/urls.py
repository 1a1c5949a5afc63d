"""URLs in the one form under which a page is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Parameters that say where a visitor came from, never what the page shows.
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|msclkid|mc_[ce]id|_ga|ref_src", re.IGNORECASE)
_LONGEST = 2000  # characters; what browsers and servers agree on
_NEVER_PAGES = re.compile(
    r"\.(?:png|jpe?g|gif|webp|avif|svg|ico|css|m?js|json|xml|rss|atom|woff2?|ttf|eot|zip|gz|tar|7z|rar|exe|dmg"
    r"|apk|mp[34]|m4[av]|webm|mov|avi|wav|ogg|ics|docx?|xlsx?|pptx?|csv)$",
    re.IGNORECASE,
)


def canonical_url(url: str) -> str | None:
    """``url`` in lower-case scheme and host, without default port, fragment, user, dot segments or tracking.

    None for what is not an http or https URL of at most 2,000 characters. Applying it twice changes
    nothing.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = _ascii_host(parts)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host:
        return None
    authority = host if port in {None, _DEFAULT_PORTS[scheme]} else f"{host}:{port}"
    path = quote(_without_dots(parts.path) or "/", safe="/%:@!$&'()*+,;=~-._")
    query = urlencode(
        [
            (name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if not _TRACKING.fullmatch(name)
        ]
    )
    canonical = f"{scheme}://{authority}{path}" + (f"?{query}" if query else "")
    return canonical if len(canonical) <= _LONGEST else None


def is_page(url: str) -> bool:
    """Whether a canonical URL may lead to a page or a PDF, by the ending of its path."""
    return _NEVER_PAGES.search(urlsplit(url).path) is None


def origin(url: str) -> str:
    """Scheme, host and port of a canonical URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a site that a start page stands for: its folder, or what lies below it.

    ``/help/`` and ``/help/index.html`` stand for ``/help/...``, ``/help`` for itself and ``/help/...``.
    """

    origin: str
    path: str

    @classmethod
    def of(cls, url: str) -> Scope:
        """The scope of the canonical start page ``url``."""
        path = urlsplit(url).path
        folder, _, name = path.rpartition("/")
        return cls(origin(url), f"{folder}/" if not name or "." in name else path)

    def __contains__(self, url: str) -> bool:
        path = urlsplit(url).path
        inside = path.startswith(self.path if self.path.endswith("/") else f"{self.path}/")
        return origin(url) == self.origin and (inside or path == self.path)


def _ascii_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        return f"[{host}]"
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)
