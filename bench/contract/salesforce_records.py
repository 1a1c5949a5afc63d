"""What a Salesforce org holds: records with rules, undone together, asked in a little SOQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Record = dict[str, Any]

EXTERNAL_ID = "Careloop_Id__c"
PREFIX = {"Contact": "003", "Lead": "00Q", "Opportunity": "006", "Task": "00T"}
_INDEXED = ("Id", EXTERNAL_ID, "Email")
_SYSTEM = ("Id", "SystemModstamp", "LastModifiedById", "CreatedDate")
WRITABLE = {
    "Contact": ("LastName", "FirstName", "Email", "Phone", "LeadSource", "AccountId", EXTERNAL_ID),
    "Lead": ("LastName", "FirstName", "Email", "Phone", "LeadSource", "Company", EXTERNAL_ID),
    "Opportunity": (
        *("Name", "StageName", "CloseDate", "LeadSource", "NextStep", "Amount", "AccountId", "ContactId"),
        *(EXTERNAL_ID, "Careloop_Outcome__c"),
    ),
    "Task": (
        *("Subject", "Description", "ActivityDate", "Status", "Priority", "WhoId", "WhatId"),
        *(EXTERNAL_ID, "Careloop_Revision__c", "Careloop_Outcome__c"),
    ),
}
READABLE = {
    "Contact": (),
    "Lead": ("IsConverted", "ConvertedContactId"),
    "Opportunity": ("IsWon", "IsClosed"),
    "Task": ("IsClosed",),
}
REQUIRED = {
    "Contact": ("LastName",),
    "Lead": ("LastName", "Company"),
    "Opportunity": ("Name", "StageName", "CloseDate"),
    "Task": (),
}
LONGEST = {"Subject": 255, "LastName": 80, "FirstName": 40, "Name": 120, "NextStep": 255}


class Complained(Exception):
    """An error of the org: status and body as Salesforce writes them."""

    def __init__(
        self, status: int, code: str, message: str, fields: Sequence[str] = (), **more: object
    ) -> None:
        super().__init__(code)
        self.status = status
        self.fields = fields
        self.body = [{"errorCode": code, "message": message, "fields": list(fields), **more}]


@dataclass
class Org:
    """Records by object and id. With ``duplicate_rule``, a second person of one e-mail address is refused."""

    duplicate_rule: bool = True
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {kind: {} for kind in PREFIX})
    now: datetime = datetime(2026, 1, 1, 9, tzinfo=UTC)
    removed_fields: set[str] = field(default_factory=set)
    count: int = 0
    undo: list[Callable[[], object]] = field(default_factory=list)
    index: dict[tuple[str, str, object], dict[str, None]] = field(default_factory=dict)

    def transaction(self, work: Callable[[], None]) -> None:
        """Do ``work``, or nothing of it."""
        self.undo.clear()
        try:
            work()
        except Complained:
            for step in reversed(self.undo):
                step()
            raise

    def fields(self, kind: str) -> list[str]:
        """The fields that can be asked for."""
        names = (*_SYSTEM, *WRITABLE[kind], *READABLE[kind])
        return [name for name in names if name not in self.removed_fields]

    def kind(self, name: str) -> str:
        if name not in PREFIX:
            raise Complained(404, "NOT_FOUND", "The requested resource does not exist")
        return name

    def upsert(self, kind: str, external_id: str, values: Mapping[str, Any]) -> tuple[Record, bool]:
        """The record of that external id, and whether it is new."""
        if EXTERNAL_ID in values:
            raise Complained(400, "INVALID_FIELD", f"{EXTERNAL_ID} specified multiple times")
        found = [r for r in self.having(kind, EXTERNAL_ID, external_id) if r[EXTERNAL_ID] == external_id]
        if found:
            self.update(kind, found[0]["Id"], values)
            return found[0], False
        return self.create(kind, {**values, EXTERNAL_ID: external_id}), True

    def create(self, kind: str, values: Mapping[str, Any]) -> Record:
        self._check(kind, values)
        lacking = [name for name in REQUIRED[kind] if not values.get(name)]
        if lacking:
            message = f"Required fields are missing: [{', '.join(lacking)}]"
            raise Complained(400, "REQUIRED_FIELD_MISSING", message, fields=lacking)
        self._refuse_duplicate(kind, values)
        self.count += 1
        record: Record = dict.fromkeys((*WRITABLE[kind], *READABLE[kind]))
        record |= {"Id": f"{PREFIX[kind]}{self.count:012}AAA", "LastModifiedById": "005000000000001AAA"}
        self.records[kind][record["Id"]] = record
        self.undo.append(lambda: self.records[kind].pop(record["Id"]))
        self._change(kind, record, values)
        record["CreatedDate"] = record["SystemModstamp"]
        return record

    def update(self, kind: str, record: str, values: Mapping[str, Any]) -> None:
        held = self.records[kind].get(record)
        if held is None:
            raise Complained(404, "NOT_FOUND", "The requested resource does not exist")
        if held.get("IsConverted"):
            raise Complained(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if kind == "Opportunity" and "ContactId" in values:
            message = "Unable to create/update fields: ContactId."
            raise Complained(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=["ContactId"])
        self._check(kind, values)
        self._change(kind, held, values)

    def _change(self, kind: str, record: Record, values: Mapping[str, Any]) -> None:
        self.now += timedelta(seconds=1)
        kept = dict(record)
        self.undo.append(lambda: _put_back(record, kept))
        record |= values
        for name in _INDEXED:
            self.index.setdefault((kind, name, record.get(name)), {})[record["Id"]] = None
        record["SystemModstamp"] = self.now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        if kind == "Opportunity":
            record["IsWon"] = record["StageName"] == "Closed Won"
            record["IsClosed"] = str(record["StageName"]).startswith("Closed")
        if kind == "Task":
            record["IsClosed"] = record["Status"] == "Completed"

    def _check(self, kind: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in WRITABLE[kind] or name in self.removed_fields:
                raise Complained(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")
            if isinstance(value, str) and len(value) > LONGEST.get(name, 32_000):
                message = f"{name}: data value too large (max length={LONGEST.get(name, 32_000)})"
                raise Complained(400, "STRING_TOO_LONG", message, fields=[name])
        for name, kinds in (
            ("WhoId", ("Contact", "Lead")),
            ("WhatId", ("Opportunity",)),
            ("ContactId", ("Contact",)),
        ):
            held = values.get(name)
            if held and not any(held in self.records[kind] for kind in kinds):
                raise Complained(400, "INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {name}")
        if str(values.get("WhoId") or "").startswith("00Q") and values.get("WhatId"):
            raise Complained(400, "FIELD_INTEGRITY_EXCEPTION", "no WhatId beside a lead", fields=["WhatId"])

    def _refuse_duplicate(self, kind: str, values: Mapping[str, Any]) -> None:
        email = values.get("Email")
        same = [r for r in self.having(kind, "Email", email) if email and r.get("Email") == email]
        if not (self.duplicate_rule and same):
            return
        match = {"fieldDiffs": [], "matchConfidence": 100.0, "record": {"Id": same[0]["Id"]}}
        raise Complained(
            400,
            "DUPLICATES_DETECTED",
            "Use one of these records?",
            duplicateResult={"allowSave": False, "matchResults": [{"matchRecords": [match]}]},
        )

    def having(self, kind: str, name: str, value: object) -> list[Record]:
        """The records that may hold ``value``: the index keeps what they held before, too."""
        held = self.records[kind]
        return [held[record] for record in self.index.get((kind, name, value), ()) if record in held]

    def _candidates(self, kind: str, where: str | None) -> list[Record]:
        """All records, or few where only indexed fields are asked for."""
        asked = list(_CONDITION.finditer(where or ""))
        if not asked or any(one["sign"] not in {"=", "IN"} or one["field"] not in _INDEXED for one in asked):
            return list(self.records[kind].values())
        values = [(one["field"], value) for one in asked for value in _values(one["value"])]
        found = {r["Id"]: r for name, value in values for r in self.having(kind, name, value)}
        return list(found.values())

    def query(self, soql: str) -> list[Record]:
        """What SOQL of the kind "SELECT … FROM … WHERE … [ORDER BY …] [LIMIT n]" finds."""
        shape = re.fullmatch(
            r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+)(?: WHERE (?P<where>.+?))?"
            r"(?: ORDER BY (?P<order>[\w, ]+))?(?: LIMIT (?P<limit>\d+))?",
            soql,
        )
        if shape is None or shape["kind"] not in PREFIX:
            raise Complained(400, "MALFORMED_QUERY", "unexpected token")
        kind, names = shape["kind"], [name.strip() for name in shape["fields"].split(",")]
        for name in names:
            if name not in self.fields(kind):
                raise Complained(400, "INVALID_FIELD", f"No such column '{name}' on entity '{kind}'")
        found = [r for r in self._candidates(kind, shape["where"]) if _holds(shape["where"], r)]
        for name in reversed((shape["order"] or "Id").split(", ")):
            found.sort(key=lambda record, name=name: record[name])  # type: ignore[misc]  # bound early
        limit = int(shape["limit"] or len(found))
        return [
            {"attributes": {"type": kind}, **{name: r.get(name) for name in names}} for r in found[:limit]
        ]


_CONDITION = re.compile(
    r"(?P<field>\w+) (?P<sign>=|!=|>=|>|IN) (?P<value>null|'(?:[^'\\]|\\.)*'|\([^)]*\)|[0-9T:.Z-]+)"
)


def _holds(where: str | None, record: Record) -> bool:
    """Whether a chain of AND, or of OR, holds of ``record``."""
    if where is None:
        return True
    held = [_one_holds(match, record) for match in _CONDITION.finditer(where)]
    rest = _CONDITION.sub("", where).split()
    if len(set(rest)) > 1 or not set(rest) <= {"AND", "OR"}:
        raise Complained(400, "MALFORMED_QUERY", "unexpected token in WHERE")
    return any(held) if "OR" in rest else all(held)


def _one_holds(match: re.Match[str], record: Record) -> bool:
    value, sign, written = record.get(match["field"]), match["sign"], match["value"]
    if sign in {">=", ">"}:
        held, asked = datetime.fromisoformat(str(value)), datetime.fromisoformat(written)
        return held >= asked if sign == ">=" else held > asked
    texts = _values(written)
    return (value not in texts) if sign == "!=" else value in texts


def _put_back(record: Record, kept: Record) -> None:
    record.clear()
    record.update(kept)


def _values(written: str) -> list[str | None]:
    texts: list[str | None] = [_text(text) for text in re.findall(r"'(?:[^'\\]|\\.)*'", written)]
    return texts or [None]


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])
