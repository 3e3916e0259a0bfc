from __future__ import annotations

from contracts.settings import ROOT
from tests.unit.api.conftest import Api

_TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")


async def test_every_route_is_documented_and_every_documented_route_exists(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    existing = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    rows = [line for line in _TEXT.splitlines() if line.startswith(("| `GET", "| `POST", "| `DELETE"))]
    documented = {row.split("`")[1] for row in rows}
    assert documented - {"GET /"} == existing


async def test_every_metric_is_documented(api: Api) -> None:
    await api.post("/feedback", {})
    text = (await api.get("/metrics")).text
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    for name in names:
        if not name.endswith("_created"):
            assert f"`{name}`" in _TEXT
