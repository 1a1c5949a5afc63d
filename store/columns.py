"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import JSON, DateTime, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

Json = JSON().with_variant(JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Refuses a datetime without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; SQLite stores it without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Attach UTC again."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value


class Float16Array(TypeDecorator[NDArray[np.float16]]):
    """A float array of any shape, stored as half precision with its shape in front.

    Half precision moves a cosine of unit vectors by less than 1e-3.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ANN401, ARG002
        """Bytes: number of dimensions, each dimension as uint32, then the values."""
        if value is None:
            return None
        array = np.ascontiguousarray(value, dtype=np.float16)
        return np.array([array.ndim, *array.shape], dtype="<u4").tobytes() + array.tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> NDArray[np.float16] | None:  # noqa: ARG002
        """The array again, read-only."""
        if value is None:
            return None
        dimensions = int(np.frombuffer(value, dtype="<u4", count=1)[0])
        shape = np.frombuffer(value, dtype="<u4", count=dimensions, offset=4)
        return np.frombuffer(value, dtype=np.float16, offset=4 * (dimensions + 1)).reshape(tuple(shape))


Id = String(40)
