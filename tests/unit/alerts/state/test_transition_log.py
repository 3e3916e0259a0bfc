from __future__ import annotations

import pytest

from alerts.explanation.annotations import external_url, link_of
from contracts.errors import SettingsError
from contracts.settings import AlertSettings, ApiSettings, Settings, load_settings


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")],
)
def test_links_name_the_address_that_the_api_listens_on(host: str, url: str) -> None:
    assert external_url(Settings(api=ApiSettings(host=host))) == url


def test_links_name_what_people_reach_when_the_settings_say_so() -> None:
    settings = Settings(alerts=AlertSettings(external_url="https://buzz.example.org/watch/"))
    assert external_url(settings) == "https://buzz.example.org/watch"
    assert link_of(external_url(settings), {"watch": "delta"}, 0).startswith(
        "https://buzz.example.org/watch/stats?watch=delta&"
    )


@pytest.mark.parametrize("value", ["buzz.example.org", "ftp://a", "https://a?b", "https://", "https://a b"])
def test_what_is_no_address_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_ALERTS__EXTERNAL_URL", value)
    with pytest.raises(SettingsError, match="BUZZWATCH_ALERTS__EXTERNAL_URL"):
        load_settings()
