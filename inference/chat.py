"""Chat models of any provider that LangChain knows, OpenAI-compatible servers first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from langchain.chat_models import init_chat_model
from langsmith.run_trees import configure as configure_tracing
from pydantic import SecretStr

from inference.errors import ModelMissing
from inference.retrying import RetryingChatModel, RetryPolicy

OPENAI_URL = "https://api.openai.com/v1"
# Prefixes of "provider:model" that name a provider; "llama3:8b" is a model of an OpenAI-compatible server.
PROVIDERS = frozenset(
    {
        "anthropic", "azure_ai", "azure_openai", "bedrock", "bedrock_converse", "cohere", "deepseek",
        "fireworks", "google_genai", "google_vertexai", "groq", "huggingface", "ibm", "mistralai", "nvidia",
        "ollama", "openai", "openrouter", "perplexity", "together", "xai",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatModelConfig:
    """Which model to ask and how long to wait.

    ``model`` is ``provider:model``, or the name of a model at the OpenAI-compatible ``base_url`` (OpenAI's
    own when None). ``timeout_seconds`` bounds a whole answer, retries included. ``temperature`` None leaves
    it to the server, which some models insist on.
    """

    model: str
    base_url: str | None = None
    api_key: SecretStr | None = None
    timeout_seconds: float = 20.0
    temperature: float | None = 0.0
    retries: RetryPolicy = field(default_factory=RetryPolicy)


def build_chat_model(config: ChatModelConfig) -> RetryingChatModel:
    """A LangChain chat model whose errors are those of ``inference.errors`` and which retries by itself.

    Reads nothing from the environment and turns LangSmith's tracing off for the process: it would copy
    customers' words to a third party whenever its variables happen to be set. Raises ``ModelMissing`` when
    the provider's package is not installed or the key is missing.
    """
    configure_tracing(enabled=False)
    provider, name = split_model(config.model)
    options: dict[str, Any] = {"timeout": config.timeout_seconds, "max_retries": 0}
    if config.temperature is not None:
        options["temperature"] = config.temperature
    if config.base_url:
        options["base_url"] = config.base_url
    if config.api_key:
        options["api_key"] = config.api_key.get_secret_value()
    client: httpx.AsyncClient | None = None
    if provider == "openai":
        client = httpx.AsyncClient(timeout=config.timeout_seconds, trust_env=False)
        options |= _openai_options(config, client)
    try:
        model = init_chat_model(name, model_provider=provider, **options)
    except ImportError as error:
        raise ModelMissing(
            f"The model {config.model!r} needs a package that is not installed: {error}. Install it, or "
            "reach the model through an OpenAI-compatible base URL."
        ) from error
    except ValueError as error:  # pydantic's errors are ValueErrors too
        raise ModelMissing(
            f"The model {config.model!r} cannot be set up: check provider, name and key."
        ) from error
    return RetryingChatModel(
        model=model,
        name_of_model=name,
        timeout_seconds=config.timeout_seconds,
        retries=config.retries,
        client=client,
    )


def split_model(model: str) -> tuple[str, str]:
    """Provider and name in ``provider:model``; the provider is ``openai`` where none is named."""
    provider, _, name = model.partition(":")
    return (provider, name) if name and provider in PROVIDERS else ("openai", model)


def _openai_options(config: ChatModelConfig, client: httpx.AsyncClient) -> dict[str, Any]:
    if config.api_key is None and config.base_url is None:
        raise ModelMissing("OpenAI's models need an API key; set CARELOOP_LLM__API_KEY, or a base URL.")
    return {
        # Given even where it is the default: LangChain would take another from the environment.
        "base_url": config.base_url or OPENAI_URL,
        "api_key": config.api_key.get_secret_value() if config.api_key else "none",
        "openai_proxy": None,
        "http_async_client": client,
        "http_client": httpx.Client(timeout=config.timeout_seconds, trust_env=False),
    }
