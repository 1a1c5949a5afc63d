"""The contact of a customer: found by our id, by the linked id, by address; else made."""

from __future__ import annotations

from signals.connectors.answer import Json
from signals.connectors.connector import DeliveryRefused, Dispatch
from signals.connectors.http import Call
from signals.connectors.hubspot.judge import existing_id
from signals.connectors.hubspot.objects import Held, HubSpotObjects, Taken, update, upsert
from signals.connectors.mapping import FieldMapping

_SYSTEM = "hubspot"  # whose ids are ours to look up, whatever the connector is called


class HubSpotPeople:
    """Finds or makes contacts. Another customer's contact is never taken."""

    def __init__(self, objects: HubSpotObjects, mapping: FieldMapping, id_property: str) -> None:
        self._objects = objects
        self._mapping = mapping
        self._id = id_property

    def new(self, dispatch: Dispatch) -> Call:
        """What makes the contact."""
        values = self._mapping.render("contact", dispatch)
        return upsert("contacts", self._id, [(dispatch.contact.id, values)])

    async def tell(self, dispatch: Dispatch) -> str:
        """HubSpot's id of the contact, which holds what is to be said of it."""
        held = await self._find(dispatch)
        if held is None:
            try:
                return (await self._objects.send(self.new(dispatch))).id
            except Taken as taken:
                held = await self._in_the_way(taken.error, dispatch)
        values = self._mapping.render("contact", dispatch, new=False)
        if held.properties.get(self._id) != dispatch.contact.id:
            values[self._id] = dispatch.contact.id
        return (await self._objects.send(update("contacts", held.id, values))).id if values else held.id

    async def _find(self, dispatch: Dispatch) -> Held | None:
        contact = dispatch.contact
        linked = contact.crm_ids.get(_SYSTEM, "")
        for by, value in (
            (self._id, contact.id),
            (None, linked if linked.isdigit() else ""),
            ("email", contact.email),
        ):
            if value:
                found = await self._objects.find("contacts", [value], [self._id], by=by)
                free = [one for one in found if one.properties.get(self._id) in {None, "", contact.id}]
                if found and not free and by == "email":
                    raise _anothers(found[0])
                if free:
                    return free[0]
        return None

    async def _in_the_way(self, error: Json, dispatch: Dispatch) -> Held:
        """The contact that a conflict is about, if it may be this customer's."""
        record = existing_id(error)
        found = await self._objects.find("contacts", [record] if record else [], [self._id])
        if not found:  # another attempt made it meanwhile: the next one finds it
            raise Taken(error)
        if found[0].properties.get(self._id) not in {None, "", dispatch.contact.id}:
            raise _anothers(found[0])
        return found[0]


def _anothers(held: Held) -> DeliveryRefused:
    return DeliveryRefused(f"HubSpot: the address belongs to another customer's contact, {held.id}.")
