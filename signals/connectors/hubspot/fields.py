"""Whether an account has the properties that a mapping names."""

from __future__ import annotations

from signals.connectors.http import Call, HttpClient
from signals.connectors.hubspot.settings import HubSpotSettings
from signals.connectors.mapping import FieldMapping


async def missing_properties(
    client: HttpClient, settings: HubSpotSettings, mapping: FieldMapping
) -> list[str]:
    """``object.property`` of each that is absent or read-only. Raises what the client does."""
    missing: list[str] = []
    for name in ("contact", "deal", settings.record):
        said = (await client.send(Call("GET", f"/crm/v3/properties/{name}s"))).json()
        there = {one["name"]: one for one in said["results"]}
        writable = {
            known
            for known, one in there.items()
            if not (one.get("modificationMetadata") or {}).get("readOnlyValue")
        }
        needed = [*mapping.fields(name), *([settings.revision_property] if name == settings.record else [])]
        missing += [f"{name}.{field}" for field in needed if field not in writable]
        if not there.get(settings.id_property, {}).get("hasUniqueValue"):
            missing.append(f"{name}.{settings.id_property} (with unique values)")
    return missing
