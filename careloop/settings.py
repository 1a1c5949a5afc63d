"""Every setting there is. The only file that reads the environment (``CARELOOP_…`` and ``.env``)."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from careloop.insight_settings import InsightSettings
from customers import ConsentChannel, Purpose

SAMPLE_KNOWLEDGE_BASE = Path("knowledge_base/sample")


class Mode(StrEnum):
    """How much is trusted by default."""

    DEVELOPMENT = "development"  # callers on loopback need no key
    PRODUCTION = "production"  # every caller needs a key or a visitor token


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


# A name is part of addresses, and the source of what its target tells.
ConnectorName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class ServerSettings(BaseModel):
    """Where the API listens and whom it lets in."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: CommaSeparated = Field(
        (), description="Host names under which the server is reached, besides loopback; comma-separated."
    )
    allowed_origins: CommaSeparated = Field(
        (), description="Origins of web pages that may call the API from a browser; comma-separated."
    )
    visitor_token_minutes: int = Field(
        60, ge=1, le=24 * 60, description="How long a visitor token of the chat page is valid, in minutes."
    )
    requests_per_minute: int = Field(
        600, ge=1, description="Requests a minute that one API key may send; a burst of a tenth at once."
    )
    visitor_requests_per_minute: int = Field(60, ge=1, description="The same for one visitor.")
    address_requests_per_minute: int = Field(
        1200, ge=1, description="The same for one network address, whatever it identifies itself with."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    log_format: LogFormat = Field(LogFormat.TEXT, description="`json` for machines, `text` for people.")

    @field_validator("allowed_hosts", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _comma_separated(value)


class EncoderSettings(BaseModel):
    """The sentence encoder."""

    model: Path | None = Field(
        None, description="Folder of a sentence-transformers model; empty takes the bundled all-MiniLM-L6-v2."
    )
    cache_dir: Path = Field(Path("var/models"), description="Folder that keeps converted models.")
    threads: int = Field(
        2, ge=1, le=64, description="Encoder passes that run at the same time, one core each."
    )
    cache_size: int = Field(4096, ge=16, description="Query vectors kept in memory.")
    base_url: str | None = Field(
        None, description="OpenAI-compatible embeddings endpoint to use instead of a model on this machine."
    )
    api_key: SecretStr | None = Field(None, description="Key for that endpoint.")
    model_name: str = Field("text-embedding-3-small", description="Model to ask that endpoint for.")


class IndexSettings(BaseModel):
    """The vector index."""

    url: str | None = Field(
        None, description="URL of a Chroma server, for several processes; empty keeps Chroma inside this one."
    )


class LlmSettings(BaseModel):
    """The language model that writes answers; without one they are composed of quoted sentences."""

    model: str | None = Field(None, description="Model name, `provider:model` or an OpenAI-compatible one.")
    base_url: str | None = Field(
        None, description="OpenAI-compatible endpoint (vLLM, Ollama, a gateway, ...)."
    )
    api_key: SecretStr | None = Field(None, description="Key for the model's provider.")
    timeout_seconds: float = Field(20.0, gt=0, le=300, description="Longest wait for an answer of the model.")
    rewrite_questions: bool = Field(
        True, description="Let the model turn a follow-up into a question that stands alone, for search."
    )


class BotSettings(BaseModel):
    """How the assistant behaves."""

    company: str = Field("Brightwater Broadband", description="Name of the company it speaks for.")
    max_wrong_answer_rate: float = Field(
        0.12,
        gt=0,
        lt=1,
        description="Risk accepted: share of given answers that may be wrong. Sets the threshold.",
    )
    queue: str = Field("support", description="Queue that a handed-over conversation waits in.")
    burst_window_ms: int = Field(
        0,
        ge=0,
        le=10_000,
        description="How long to wait for a further message before answering, in milliseconds.",
    )
    default_language: str = Field(
        "en", pattern="^[a-z]{2}$", description="Language of the knowledge base (ISO 639-1)."
    )


class SecondOpinionSettings(BaseModel):
    """What a language model is asked about tickets that triage is not sure of."""

    enabled: bool = Field(
        False, description="Whether it is asked, with personal data redacted; needs CARELOOP_LLM__MODEL."
    )
    low: float = Field(
        0.3, ge=0, le=1, description="Least probability of the likeliest intent at which it is asked."
    )
    high: float = Field(0.75, ge=0, le=1, description="Probability from which it is not asked any more.")
    calls_per_minute: int = Field(30, ge=1, description="Calls a minute, of one server.")
    share: float = Field(
        0.25, gt=0, le=1, description="Share of the last thousand tickets that it is asked about at most."
    )
    input_price: float | None = Field(
        None, ge=0, description="Price of a million tokens that it reads, in any currency; for the report."
    )
    output_price: float | None = Field(None, ge=0, description="Price of a million tokens that it writes.")

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if self.low >= self.high:
            raise ValueError("LOW must be below HIGH")
        return self


class TriageSettings(BaseModel):
    """What messages are about, and where they go."""

    enabled: bool = Field(True, description="Whether messages and tickets are triaged at all.")
    taxonomy: str = Field(
        "telecom", description="Intents, queues and signals: the name of a shipped taxonomy, or a YAML file."
    )
    routing: Path | None = Field(
        None,
        description="YAML file of routing rules; empty takes the one beside the taxonomy, if there is one.",
    )
    brands: CommaSeparated = Field(
        (),
        description="The company's own names as customers write them; comma-separated. Empty takes the "
        "bot's company and its first word.",
    )
    competitors: CommaSeparated = Field((), description="Names of competitors; comma-separated.")
    risk: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Risk accepted: share of automatic routings that may be wrong. Sets the threshold.",
    )
    learn_at: str = Field(
        "02:00",
        description="When models learn from corrections every day: a time in UTC, or with a zone such as "
        "`02:00 Europe/Berlin`; `off` leaves it to whoever asks.",
    )
    second_opinion: SecondOpinionSettings = Field(default_factory=SecondOpinionSettings)

    @field_validator("brands", "competitors", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _comma_separated(value)

    @field_validator("learn_at")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        _time_of_day(value)
        return value

    @property
    def learning_time(self) -> time | None:
        """``learn_at`` with its time zone; none where it is off."""
        return _time_of_day(self.learn_at)


class SignalSettings(BaseModel):
    """What sales, customer success and marketing are told of customers."""

    enabled: bool = Field(True, description="Whether there are signals; they need triage.")
    precision_target: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="Share of signals that should be no noise, which thresholds are tuned toward.",
    )
    least_recall: float = Field(
        0.8,
        gt=0,
        lt=1,
        description="Share of right signals that is told at the least, once outcomes teach what is noise.",
    )
    looks: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of what outcomes call noise that is told all the same, to see if it still is.",
    )
    learn_from: CommaSeparated = Field(
        ("plan", "segment", "stage", "value", "contract_ends_in_days"),
        description="Facts of customers that outcomes are learnt from, besides the message; comma-separated.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000",
        pattern="^https?://[^\\s]+$",
        description="Address of this server as people of sales reach it: what signals link to.",
    )
    routing: Path | None = Field(
        None, description="YAML file of who is told of which signal; empty takes the one that ships."
    )
    scoring: Path | None = Field(
        None, description="YAML file of how leads are scored; empty takes the one that ships."
    )
    behaviour: Path | None = Field(
        None, description="YAML file of what behaviour is a signal; empty takes the one that ships."
    )
    catalogue: Path | None = Field(
        None, description="YAML file of what may be offered to whom; empty takes that of the sample company."
    )
    nurture: Path | None = Field(
        None, description="YAML file of sequences of marketing; empty takes that of the sample company."
    )

    @field_validator("learn_from", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _comma_separated(value)


class OutlookSettings(BaseModel):
    """What is to be expected: who leaves, how many contacts come, what just broke."""

    nightly_at: str = Field(
        "03:00",
        description="When outcomes are learnt from and forecasts are made anew every day: a time in UTC, or "
        "with a zone such as `03:00 Europe/Berlin`; `off` leaves it all to other servers.",
    )
    incidents_every_minutes: int = Field(
        5, ge=1, le=60, description="How often contacts are looked at for spikes."
    )
    false_alarms_a_month: float = Field(
        1.0, gt=0, le=100, description="Alarms about nothing that are accepted in a month."
    )
    timezone: str = Field("UTC", description="Time zone in which the days of forecasts begin.")
    country: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="Country, such as GB, whose public holidays forecasts expect; empty expects none.",
    )
    capacity: dict[str, tuple[float, float, float, float, float, float, float]] = Field(
        default_factory=dict,
        description="Contacts that each queue can answer from Monday to Sunday, as JSON: "
        '`{"billing": [80, 80, 80, 80, 70, 0, 0]}`; forecasts warn where more are to come.',
    )

    @field_validator("nightly_at")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        _time_of_day(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, ZoneInfoNotFoundError):
            raise ValueError(f"{value!r} is no time zone such as Europe/Berlin") from None
        return value

    @property
    def night(self) -> time | None:
        """``nightly_at`` with its time zone; none where it is off."""
        return _time_of_day(self.nightly_at)


class CustomerSettings(BaseModel):
    """Customers: how they are known, where they stand, how well they are."""

    country_code: str | None = Field(
        None,
        pattern="^[1-9][0-9]{0,2}$",
        description="Country code, such as 44, of telephone numbers that are written as dialled within a "
        "country; empty refuses them.",
    )
    journey: Path | None = Field(
        None, description="YAML file of the journey's rules; empty takes customers/journey.yaml."
    )
    health: Path | None = Field(
        None, description="YAML file of what counts for health; empty takes customers/health.yaml."
    )


class DeliverySettings(BaseModel):
    """Telling connectors of signals."""

    in_process: bool = Field(
        True, description="Whether `careloop serve` delivers; off leaves it to `careloop worker`."
    )
    executor: str = Field(
        "local",
        pattern=r"^[A-Za-z0-9._-]{1,60}$",
        description="Name of this machine where several share a PostgreSQL; what it was at when it died, "
        "it goes on with.",
    )

    poll_seconds: int = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds between two questions to a connector for outcomes and consents; 0 asks none.",
    )


class ConnectorEntry(BaseModel):
    """A connector that is on: its kind, what that kind needs to be told, and its share of the machine.

    ``purpose`` and ``channel`` are asked of a customer's consent before each delivery; without them those of
    the kind: marketing by e-mail for Mailchimp and Marketo, nothing more for others.
    """

    model_config = ConfigDict(extra="forbid")

    kind: str
    settings: dict[str, Any] = Field(default_factory=dict, repr=False)
    mapping: Path | None = None
    concurrency: int = Field(8, ge=1, le=100)
    purpose: Purpose | None = None
    channel: ConsentChannel | None = None


class Settings(BaseSettings):
    """All settings; ``CARELOOP_SERVER__PORT=9000`` sets ``server.port``."""

    model_config = SettingsConfigDict(
        env_prefix="CARELOOP_",
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="forbid",
        env_ignore_empty=True,
    )

    mode: Mode = Field(Mode.DEVELOPMENT, description="`production` asks every caller for a key.")
    data_dir: Path = Field(Path("var"), description="Folder for database, index, keys and converted models.")
    database_url: str | None = Field(
        None, description="PostgreSQL URL for several machines; empty keeps SQLite in the data folder."
    )
    encryption_key: SecretStr | None = Field(
        None,
        description="32 bytes, base64url: encrypts messages at rest. Empty makes a key file.",
    )
    knowledge_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders that the API may load documents from; comma-separated.",
    )
    claims: Path | None = Field(
        None,
        description="YAML file of what the brand may say, or a folder with WORKSPACE.yaml for each brand; "
        "empty takes that of the sample company while the assistant speaks for it, else none.",
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    encoder: EncoderSettings = Field(default_factory=EncoderSettings)
    index: IndexSettings = Field(default_factory=IndexSettings)
    llm: LlmSettings = Field(default_factory=LlmSettings)
    bot: BotSettings = Field(default_factory=BotSettings)
    triage: TriageSettings = Field(default_factory=TriageSettings)
    connectors: dict[ConnectorName, ConnectorEntry] = Field(
        default_factory=dict,
        description="Connectors that signals go to, as JSON: names with `kind`, `settings`, and where needed "
        "`mapping`, `concurrency`, `purpose`, `channel`.",
    )
    signals: SignalSettings = Field(default_factory=SignalSettings)
    outlook: OutlookSettings = Field(default_factory=OutlookSettings)
    customers: CustomerSettings = Field(default_factory=CustomerSettings)
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    insights: InsightSettings = Field(default_factory=InsightSettings)

    @field_validator("knowledge_roots", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _comma_separated(value)


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _time_of_day(value: str) -> time | None:
    if value.strip().lower() == "off":
        return None
    clock, _, zone = value.strip().partition(" ")
    wrong = f"{value!r} is neither a time of day such as 02:00 or 02:00 Europe/Berlin, nor off"
    try:
        found, in_zone = time.fromisoformat(clock), ZoneInfo(zone.strip() or "UTC")
    except (ValueError, ZoneInfoNotFoundError):
        raise ValueError(wrong) from None
    if found.tzinfo is not None:
        raise ValueError(wrong)
    return found.replace(tzinfo=in_zone)
