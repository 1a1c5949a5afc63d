"""Whether an org has the fields that a mapping names."""

from __future__ import annotations

from signals.connectors.http import Call, HttpClient
from signals.connectors.mapping import FieldMapping
from signals.connectors.salesforce.settings import SalesforceSettings


async def missing_fields(
    client: HttpClient, settings: SalesforceSettings, mapping: FieldMapping
) -> list[str]:
    """``Object.Field`` of each that is absent or closed to our user. Raises what the client does."""
    kinds = [settings.person, "Task", *(["Opportunity"] if settings.person == "Contact" else [])]
    missing: list[str] = []
    for kind in kinds:
        call = Call("GET", f"/services/data/{settings.api_version}/sobjects/{kind}/describe")
        described = (await client.send(call)).json()
        writable = {field["name"] for field in described["fields"] if field["createable"]}
        ids = {field["name"] for field in described["fields"] if field.get("externalId")}
        needed = [*mapping.fields(kind), *([settings.revision_field] if kind == "Task" else [])]
        missing += [f"{kind}.{field}" for field in needed if field not in writable]
        if settings.external_id_field not in ids:
            missing.append(f"{kind}.{settings.external_id_field} (as an external id)")
    return missing
