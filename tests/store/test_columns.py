from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, select
from sqlalchemy.exc import StatementError

from store.columns import Float16Array, UtcDateTime
from store.migrate import sync_url

_things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("array", Float16Array),
)


def _round_trip(url: str, **values: object) -> object:
    engine = create_engine(sync_url(url))
    try:
        with engine.begin() as connection:
            _things.create(connection)
            connection.execute(_things.insert().values(**values))
            return connection.execute(select(_things.c[next(iter(values))])).scalar_one()
    finally:
        engine.dispose()


def test_a_moment_comes_back_in_utc(database_url: str) -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    stored = _round_trip(database_url, at=moment)
    assert stored == moment
    assert isinstance(stored, datetime)
    assert stored.utcoffset() == timedelta(0)


def test_nothing_comes_back_as_nothing(database_url: str) -> None:
    assert _round_trip(database_url, at=None) is None


def test_a_moment_without_a_zone_is_refused(sqlite: str) -> None:
    with pytest.raises(StatementError, match="time zone"):
        _round_trip(sqlite, at=datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("shape", [(384,), (3, 384), (0, 384)])
def test_an_array_keeps_its_shape_and_nearly_its_values(sqlite: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    stored = _round_trip(sqlite, array=array)
    assert isinstance(stored, np.ndarray)
    assert stored.shape == shape
    assert np.allclose(stored, array, atol=2e-3)


def test_no_array_comes_back_as_none(sqlite: str) -> None:
    assert _round_trip(sqlite, array=None) is None
