"""Salesforce: contacts or leads, tasks and opportunities over REST, backfills over Bulk API 2.0."""

from signals.connectors.salesforce.bulk import BulkReport, SalesforceBulk
from signals.connectors.salesforce.connector import Salesforce
from signals.connectors.salesforce.settings import SalesforceSettings

__all__ = ["BulkReport", "Salesforce", "SalesforceBulk", "SalesforceSettings"]
