"""Rates, counted in a real Redis."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import HTTPException

from api.security.rates import Rates
from contracts.errors import Unavailable
from contracts.settings import ApiSettings, RedisSettings, Settings

SLOW = ApiSettings(rate_read="3/hour", rate_predict="", rate_login="3/hour")


async def test_a_key_may_ask_so_often_and_is_told_when_to_come_again(settings: Settings) -> None:
    limited = settings.model_copy(update={"api": SLOW})
    one, other = Rates(limited), Rates(limited)  # two APIs count together
    for rates in (one, other, one):
        await rates.check("read", "key-1")
    with pytest.raises(HTTPException) as refused:
        await other.check("read", "key-1")
    assert refused.value.status_code == 429
    assert refused.value.detail == "too many requests: 3/hour are allowed here"
    headers = refused.value.headers
    assert headers is not None
    assert 0 < int(headers["Retry-After"]) <= 2 * 3600
    await one.check("read", "key-2")  # each key by itself, each kind by itself
    await one.check("login", "key-1")
    for _ in range(20):
        await one.check("predict", "key-1")
    await one.stop()
    await other.stop()


async def test_requests_that_come_together_are_counted_each(settings: Settings) -> None:
    rates = Rates(settings.model_copy(update={"api": ApiSettings(rate_read="30/hour")}))

    async def allowed() -> bool:
        try:
            await rates.check("read", "key-3")
        except HTTPException:
            return False
        return True

    assert await asyncio.gather(*(allowed() for _ in range(20))) == [True] * 20
    assert sum(await asyncio.gather(*(allowed() for _ in range(20)))) == 10
    await rates.stop()


async def test_without_redis_everything_but_signing_in_is_let_through_and_counted(settings: Settings) -> None:
    away = settings.model_copy(update={"api": SLOW, "redis": RedisSettings(url="redis://127.0.0.1:1/0")})
    unchecked: list[str] = []
    rates = Rates(away, unchecked.append)
    for _ in range(10):
        await rates.check("read", "key-1")
    with pytest.raises(Unavailable, match="nobody can sign in"):
        await rates.check("login", "10.0.0.1")
    assert unchecked == ["read"] * 10 + ["login"]
    await rates.stop()
