"""A small page over the REST API alone, for those who know Streamlit: a text, a CSV file, one-click feedback.

    pip install 'buzzwatch[streamlit]'
    streamlit run dashboard/streamlit_app.py

It shows that REST is enough for another client; a crisis is watched in the watch room (docs/dashboard.md).
BUZZWATCH_URL names the API, BUZZWATCH_KEY a key where one is needed.
"""

from __future__ import annotations

import csv
import io
import os
from typing import Any, Final

import httpx
import plotly.graph_objects as go
import streamlit as st

URL: Final = os.environ.get("BUZZWATCH_URL", "http://127.0.0.1:8000").rstrip("/")
LABELS: Final = ("negative", "neutral", "positive")
COLOURS: Final = ("#ab3a0a", "#565a66", "#0a5ea0")
MOST_ROWS: Final = 1000
"""Of a file: as many as `/predict/batch` takes. The watch room takes a hundred thousand."""


def ask(path: str, body: dict[str, Any]) -> Any:
    """What the API answers, None when it refuses or is away; then the page says why."""
    key = os.environ.get("BUZZWATCH_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.post(f"{URL}{path}", json=body, headers=headers, timeout=30, trust_env=False)
    except httpx.HTTPError as error:
        st.error(f"The API at {URL} does not answer ({type(error).__name__}); start it with `buzzwatch up`.")
        return None
    if answer.is_success:
        return answer.json()
    try:
        st.error(answer.json()["detail"])
    except (ValueError, KeyError):
        st.error(f"The API at {URL} answered {answer.status_code}.")
    return None


def judge(predicted: dict[str, Any], expected: str) -> None:
    """Send what somebody says about a prediction."""
    body = {
        "prediction_id": predicted["prediction_id"],
        "predicted": predicted["sentiment"],
        "correct": expected == predicted["sentiment"],
        "expected": expected,
        "model_version": predicted["model"]["version"],
    }
    if ask("/feedback", body) is not None:
        st.session_state["said"] = f"Thank you: {expected} is noted."


def one_text() -> None:
    """A text, its probabilities, and whether they are right."""
    with st.form("text"):
        text = st.text_area("What somebody wrote", max_chars=10_000)
        if st.form_submit_button("What does it feel?"):
            st.session_state.pop("said", None)
            st.session_state["predicted"] = ask("/predict", {"text": text})
    predicted = st.session_state.get("predicted")
    if not predicted:
        return
    st.subheader(f"{predicted['sentiment']} {predicted['confidence']:.0%}")
    shares = [predicted["scores"][label] for label in LABELS]
    bars = go.Figure(
        go.Bar(x=shares, y=LABELS, orientation="h", marker_color=COLOURS, text=[f"{s:.1%}" for s in shares])
    )
    bars.update_layout(xaxis={"range": [0, 1], "tickformat": ".0%"}, height=220, margin={"t": 10, "b": 10})
    st.plotly_chart(bars)
    for column, label in zip(st.columns(len(LABELS)), LABELS, strict=True):
        column.button(f"It is {label}", key=label, on_click=judge, args=(predicted, label))
    if "said" in st.session_state:
        st.success(st.session_state["said"])


def a_file() -> None:
    """A CSV file with a column `text`, and the answers as another one."""
    file = st.file_uploader(f"A CSV file with a column `text`, up to {MOST_ROWS:,} rows", type="csv")
    if file is None:
        return
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig", "replace"))))
    if not rows or "text" not in rows[0]:
        st.error("The file has no column `text`, or no rows.")
        return
    if len(rows) > MOST_ROWS:
        st.warning(f"Only the first {MOST_ROWS:,} of {len(rows):,} rows are scored; the watch room takes more.")
    texts = [row["text"] for row in rows[:MOST_ROWS]]
    answers = ask("/predict/batch", {"texts": texts, "on_error": "skip"})
    if answers is None:
        return
    table = [
        {"text": text, "sentiment": answer.get("sentiment", ""), "confidence": answer.get("confidence", ""),
         "error": answer.get("error", "")}
        for text, answer in zip(texts, answers, strict=True)
    ]  # fmt: skip
    st.dataframe(table)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    st.download_button("Download as CSV", out.getvalue(), "scored.csv", "text/csv")


st.set_page_config(page_title="buzzwatch", page_icon="〰")
st.title("buzzwatch")
one_text()
st.divider()
a_file()
