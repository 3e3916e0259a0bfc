from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from contracts.settings import ROOT

PREDICTED = {
    "prediction_id": "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11",
    "sentiment": "negative",
    "confidence": 0.9,
    "scores": {"negative": 0.9, "neutral": 0.06, "positive": 0.04},
    "model": {"name": "sentiment", "version": "7"},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """A server that answers as the API does, and what it was asked."""
    asked: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, body))
            status, answer = 200, PREDICTED
            if self.path == "/predict" and not body["text"].strip():
                status, answer = 422, {"detail": "text: is empty"}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("BUZZWATCH_URL", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def page() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Streamlit's own
        from streamlit.testing.v1 import AppTest

        return AppTest.from_file(str(ROOT / "dashboard" / "streamlit_app.py"), default_timeout=60)


@pytest.mark.filterwarnings("ignore")
def test_a_text_is_scored_and_judged_by_rest(page: Any, api: list[tuple[str, Any]]) -> None:
    page.run()
    page.text_area[0].set_value("lost my bag")
    page.button[0].click().run()
    assert not page.exception
    assert page.subheader[0].value == "negative 90%"
    assert api == [("/predict", {"text": "lost my bag"})]
    page.button(key="positive").click().run()
    assert api[-1][0] == "/feedback"
    assert (api[-1][1]["expected"], api[-1][1]["correct"], api[-1][1]["model_version"]) == ("positive", False, "7")
    assert page.success[0].value == "Thank you: positive is noted."


@pytest.mark.filterwarnings("ignore")
def test_what_the_api_refuses_is_said_in_its_line(page: Any, api: list[tuple[str, Any]]) -> None:
    page.run()
    page.button[0].click().run()
    assert [error.value for error in page.error] == ["text: is empty"]


@pytest.mark.filterwarnings("ignore")
def test_an_api_that_is_away_is_said(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_URL", "http://127.0.0.1:9")
    page.run()
    page.text_area[0].set_value("lost my bag")
    page.button[0].click().run()
    assert "does not answer" in page.error[0].value
