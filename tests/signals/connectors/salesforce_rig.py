"""Salesforce as the tests have it: a server, a key, a connector."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.contract.salesforce import SalesforceVendor
from bench.contract.salesforce_records import EXTERNAL_ID
from kit.clock import Clock
from kit.ids import SignalId
from signals.connectors.salesforce import Salesforce, SalesforceSettings
from signals.connectors.settings import HttpSettings
from signals.connectors.waiting import Waiting
from tests.signals.connectors.contract import Rig


def new_key() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class SalesforceRig(Rig):
    def __init__(self, keys: tuple[str, str], clock: Clock) -> None:
        self.private, public = keys
        self.vendor: SalesforceVendor = SalesforceVendor(public_key=public, clock=clock)
        self.secrets = (self.private, *self.private.splitlines()[1:-1])

    def settings(self, url: str, http: HttpSettings, **more: object) -> SalesforceSettings:
        said = {"consumer_key": "consumer", "username": "careloop@example.com", "private_key": self.private}
        return SalesforceSettings.model_validate({**said, "login_url": url, "http": http, **more})

    def connect(
        self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting, **more: object
    ) -> Salesforce:
        return Salesforce(self.settings(url, http, **more), clock=clock, waiting=waiting)

    def connect_wrongly(self, url: str, http: HttpSettings, clock: Clock, waiting: Waiting) -> Salesforce:
        return self.connect(url, http, clock, waiting, username="nobody@example.com")

    def records(self) -> Mapping[str, list[str]]:
        return {
            kind: [str(record[EXTERNAL_ID]) for record in held.values()]
            for kind, held in self.vendor.org.records.items()
        }

    def told(self, signal: SignalId) -> str:
        held = self.vendor.org.records["Task"].values()
        return "".join(str(record["Description"]) for record in held if record[EXTERNAL_ID] == signal)
