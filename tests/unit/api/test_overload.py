from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from tests.unit.api.conftest import Api


async def test_what_is_too_much_is_refused_at_once_and_what_is_served_goes_on(api: Api) -> None:
    api.parts.settings.most_at_once = 2
    let_go, model = threading.Event(), api.champion.model
    answer = model.predict_proba

    def slowly(texts: Sequence[str]) -> Any:
        let_go.wait(20)
        return answer(texts)

    model.predict_proba = slowly  # type: ignore[method-assign]
    served = [asyncio.create_task(api.post("/predict", {"text": "bad"})) for _ in range(2)]
    await asyncio.sleep(0.2)
    refused = await api.post("/predict", {"text": "bad"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await api.get("/readyz")).is_success  # probes are answered
    assert (await api.get("/alerts")).is_success  # and so is what predicts nothing
    let_go.set()
    assert [(await one).status_code for one in served] == [200, 200]
    assert (await api.post("/predict", {"text": "bad"})).is_success
