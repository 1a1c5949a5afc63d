"""Sequences at HubSpot: a workflow starts with who joins a manual list, and ends with who leaves it."""

from __future__ import annotations

from collections.abc import Mapping

from signals.connectors.connector import DeliveryFailed, Dispatch, Receipt
from signals.connectors.http import Call, HttpClient
from signals.connectors.hubspot.objects import HubSpotObjects, Taken
from signals.connectors.hubspot.people import HubSpotPeople
from signals.connectors.sequences import no_such_sequence


class HubSpotSequences:
    """Puts contacts on lists and takes them off; ``lists`` are the lists' ids by name of the sequence."""

    def __init__(
        self,
        client: HttpClient,
        objects: HubSpotObjects,
        people: HubSpotPeople,
        *,
        lists: Mapping[str, str],
        id_property: str,
    ) -> None:
        self._client = client
        self._objects = objects
        self._people = people
        self._lists = lists
        self._id = id_property

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Put the contact on the list; it is made where there is none."""
        wanted = self._list(journey)
        try:
            contact = await self._people.tell(dispatch)
        except Taken:
            raise DeliveryFailed("HubSpot: a contact of this customer was made meanwhile.") from None
        await self._client.send(change_list(wanted, contact, "add"))
        return Receipt({"contact": contact, "list": wanted})

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Take the contact off the list."""
        wanted = self._list(journey)
        found = await self._objects.find("contacts", [dispatch.contact.id], [self._id], by=self._id)
        if not found:
            return Receipt({}, repeated=True)
        await self._client.send(change_list(wanted, found[0].id, "remove"))
        return Receipt({"contact": found[0].id, "list": wanted})

    def _list(self, journey: str) -> str:
        wanted = self._lists.get(journey)
        if wanted is None:
            raise no_such_sequence("HubSpot", journey)
        return wanted


def change_list(wanted: str, contact: str, change: str) -> Call:
    """``add`` a contact to a manual list or ``remove`` it; doing so twice is doing it once."""
    return Call("PUT", f"/crm/v3/lists/{wanted}/memberships/{change}", json=[contact])
