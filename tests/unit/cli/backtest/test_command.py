from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.alerts.commands import app
from cli.backtest.recorded_tweets import RecordedError, read_recorded
from contracts.errors import BuzzwatchError

RULES = """
watches:
  - name: acme
    match: ["@acme"]
themes:
  - name: baggage
    match: [bag]
rules:
  - alert: BadBuzz
    kind: bad_buzz
    windows: [1m, 5m, 15m]
    keep_firing_for: 1m
  - alert: BagBuzz
    kind: bad_buzz
    per_theme: true
    windows: [5m]
    keep_firing_for: 1m
  - alert: ConsecutiveErrors
    kind: consecutive_errors
"""
BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def day(crisis: bool = True, repeated: bool = False) -> list[dict[str, Any]]:
    """Half a day of invented tweets; from the tenth hour on half an hour of complaints about bags."""
    source = random.Random(5)
    rows = []
    for number in range(12 * 360):
        moment = BEGIN + timedelta(seconds=10 * number)
        complaint = crisis and 3600 <= number < 3780
        word = "".join(source.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(9))
        for copy in range(3 if complaint else 1):
            bad = complaint or source.random() < 0.2
            said = f"{word} {copy * 'x'} lost my bag" if complaint else f"{word} a flight"
            if complaint and repeated:
                said = "lost my bag"
            rows.append(
                {
                    "id": f"{number}-{copy}",
                    "text": f"@acme {said}",
                    "created_at": moment.isoformat(),
                    "sentiment": "negative" if bad else "positive",
                }
            )
    return rows


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return file


def write(folder: Path, rows: list[dict[str, Any]], *more: str) -> Path:
    file = folder / "tweets.jsonl"
    file.write_text("\n".join([*map(json.dumps, rows), *more]) + "\n")
    return file


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)], catch_exceptions=False)


def test_a_recorded_crisis_is_printed_with_its_theme_and_its_times(tmp_path: Path, rules: Path) -> None:
    result = run("--data", write(tmp_path, day()), "--rules", rules, "--format", "json")
    alerts = json.loads(result.stdout)
    assert {alert["alertname"] for alert in alerts} == {"BadBuzz", "BagBuzz"}
    for alert in alerts:
        assert alert.keys() == {"alertname", "labels", "startsAt", "endsAt", "value"}
        started, ended = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
        assert BEGIN + timedelta(hours=10) <= started <= BEGIN + timedelta(hours=10, minutes=2)
        assert BEGIN + timedelta(hours=10.5) <= ended <= BEGIN + timedelta(hours=10, minutes=40)
        assert alert["labels"]["watch"] == "acme"
    assert {"theme": "baggage"}.items() <= alerts[-1]["labels"].items() | alerts[0]["labels"].items()


def test_a_storm_of_one_text_and_an_ordinary_day_are_no_crisis(tmp_path: Path, rules: Path) -> None:
    for rows in (day(repeated=True), day(crisis=False)):
        assert run("--data", write(tmp_path, rows), "--rules", rules, "--format", "json").stdout.strip() == "[]"


def test_what_came_a_week_late_pages_nobody(tmp_path: Path, rules: Path) -> None:
    rows = [{**row, "received_at": (BEGIN + timedelta(days=7)).isoformat()} for row in day()]
    assert run("--data", write(tmp_path, rows), "--rules", rules, "--format", "json").stdout.strip() == "[]"


def test_bad_rows_are_named_counted_and_left_out(tmp_path: Path, rules: Path) -> None:
    rows = day()
    rows[4]["created_at"], rows[5]["created_at"] = "yesterday", "1970-01-01T00:00:00Z"
    rows[7]["sentiment"] = "angry"
    rows[9]["text"] = None
    rows[11]["reliable"] = "perhaps"
    rows[12]["lang"] = 5
    rows[13]["confidence"], rows[14]["confidence"] = "high", 1.5
    rows[16]["theme_sentiments"], rows[17]["theme_sentiments"] = "baggage", {"baggage": "angry"}
    rows[18]["theme_sentiments"], rows[19]["theme_sentiments"] = '{"baggage": "negative"}', {"baggage": None}
    result = run("--data", write(tmp_path, rows, "{", "[]"), "--rules", rules)
    assert "2 rows left out: created_at is no date (line 5, line 6)" in result.stderr
    assert "1 row left out: sentiment is none of negative, neutral, positive (line 8)" in result.stderr
    assert "1 row left out: text is missing (line 10)" in result.stderr
    assert "1 row left out: reliable is neither true nor false (line 12)" in result.stderr
    assert "2 rows left out: confidence is no number from 0 to 1 (line 14, line 15)" in result.stderr
    left_out = "2 rows left out: theme_sentiments is no object of themes with negative, neutral, positive"
    assert f"{left_out} (line 17, line 18)" in result.stderr
    assert "line 13" not in result.stderr  # a language of another type says nothing, and costs nothing
    assert "2 rows left out: not a JSON object" in result.stderr
    assert "BadBuzz" in result.stdout


@pytest.mark.parametrize(
    ("tweet", "theme", "expected"), [("negative", "positive", {"BadBuzz"}), ("positive", "negative", {"BagBuzz"})]
)
def test_a_rule_per_theme_goes_by_what_is_felt_about_the_theme(
    tmp_path: Path, rules: Path, tweet: str, theme: str, expected: set[str]
) -> None:
    rows = [
        {**row, "sentiment": tweet, "theme_sentiments": {"baggage": theme}} if "bag" in row["text"] else row
        for row in day()
    ]
    result = run("--data", write(tmp_path, rows), "--rules", rules, "--format", "json")
    assert {alert["alertname"] for alert in json.loads(result.stdout)} == expected


def test_tweets_without_a_sentiment_are_scored(tmp_path: Path, rules: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "sentiment"} for row in day()[:300]]
    shipped = Path(__file__).parents[4] / "models" / "artefacts" / "linear"
    result = run("--data", write(tmp_path, rows), "--rules", rules, "--model", shipped, "--format", "json")
    assert json.loads(result.stdout) == []


def test_what_the_model_cannot_read_is_no_bad_buzz_unless_the_rule_says_so(tmp_path: Path, rules: Path) -> None:
    def alerts(**marks: object) -> tuple[int, str]:
        rows = [{**row, **(marks if " lost my bag" in row["text"] else {})} for row in day()]
        result = run("--data", write(tmp_path, rows), "--rules", rules, "--format", "json")
        return len(json.loads(result.stdout)), result.stderr

    assert alerts(lang="fr")[0] == 0
    number, said = alerts(reliable=False)
    assert number == 0
    assert "540 tweets are in a language that the model does not know" in said
    # Whoever scored a tweet says so where its text cannot be relied on.
    number, said = alerts(lang="und")
    assert number == 2
    assert "language" not in said
    assert alerts(lang="fr", reliable=True)[0] == 2
    rules.write_text(RULES.replace("    windows: [5m]", "    include_unreliable: true\n    windows: [5m]"))
    assert alerts(lang="fr")[0] == 1


def test_tweets_that_are_scored_are_asked_for_their_language(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "watches: [{name: acme, match: ['@acme']}]\n"
        "rules: [{alert: BadBuzz, kind: bad_buzz}, {alert: Foreign, kind: foreign_volume}]\n"
    )
    source = random.Random(2)
    names = ["maleta", "vuelo", "retraso", "compañía", "equipaje", "dinero", "hotel", "noche", "ciudad", "espera"]
    rows = [{"text": "@acme thanks for the lovely flight", "created_at": BEGIN.isoformat()}]
    for second in range(600):
        said = f"@acme worst terrible {source.choice(names)} horrible y {source.choice(names)} {source.choice(names)}"
        created = (BEGIN + timedelta(days=1, seconds=second)).isoformat()
        rows.append(
            {"text": f"{said} {source.choice(names)} perdieron mi {source.choice(names)}", "created_at": created}
        )
    shipped = Path(__file__).parents[4] / "models" / "artefacts" / "linear"
    for lang, expected in ((None, ["Foreign"]), ("es", ["Foreign"]), ("und", ["Foreign"]), ("en_GB", ["BadBuzz"])):
        some = [{**row, "lang": lang} for row in rows]
        result = run("--data", write(tmp_path, some), "--rules", rules, "--model", shipped, "--format", "json")
        assert [alert["alertname"] for alert in json.loads(result.stdout)] == expected


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.55, []), (0.9, ["BadBuzz", "BagBuzz"]), (None, ["BadBuzz", "BagBuzz"])]
)
def test_one_text_that_many_pass_on_is_a_crisis_only_where_the_model_is_sure_of_it(
    tmp_path: Path, rules: Path, confidence: float | None, expected: list[str]
) -> None:
    rows = [row if " lost my bag" not in row["text"] else {**row, "confidence": confidence} for row in day()]
    viral = [{**row, "text": "@acme lost my bag"} if " lost my bag" in row["text"] else row for row in rows]
    some = [{**row, "author_id": f"u{number}"} for number, row in enumerate(viral)]
    result = run("--data", write(tmp_path, some), "--rules", rules, "--format", "json")
    assert [alert["alertname"] for alert in json.loads(result.stdout)] == expected


def test_csv_and_parquet_say_the_same_as_jsonl(tmp_path: Path) -> None:
    import pandas as pd

    rows = day()[:50]
    for number, row in enumerate(rows):
        row["lang"] = ("en", "fr", None)[number % 3]
        row["reliable"] = (True, False, None)[number % 3]
        row["confidence"] = (0.5, 1, None)[number % 3]
    jsonl = read_recorded(write(tmp_path, rows))
    assert jsonl.langs[:3] == ["en", "fr", None]
    assert jsonl.reliable[:3] == [True, False, None]
    assert jsonl.confidences[:3] == [0.5, 1.0, None]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "tweets.csv", index=False)
    table.assign(created_at=pd.to_datetime(table.created_at)).to_parquet(tmp_path / "tweets.parquet")
    for name in ("tweets.csv", "tweets.parquet"):
        found = read_recorded(tmp_path / name)
        assert (found.texts, found.times_s, found.sentiments) == (jsonl.texts, jsonl.times_s, jsonl.sentiments)
        assert (found.langs, found.reliable) == (jsonl.langs, jsonl.reliable)
        assert found.confidences == jsonl.confidences


def test_dates_as_crowdflower_writes_them_are_read(tmp_path: Path) -> None:
    file = write(tmp_path, [{"text": "@acme", "date": "2015-02-24 11:35:52 -0800"}])
    assert read_recorded(file).times_s == [1_424_806_552]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "no such file"),
        ("tweets.txt", "x", "plain lines: no column 'created_at' (it has text)"),
        ("tweets.csv", "id,words\n1,a\n", "no column 'text' (it has id, words)"),
        ("tweets.parquet", "x", "not a Parquet file"),
        ("tweets.jsonl", '{"text": "a", "created_at": "soon"}\n', "no tweet can be used; 1 row left out"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(RecordedError, match=r".") as refused:
        read_recorded(tmp_path / name)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_recording_of_a_decade_is_refused(tmp_path: Path, rules: Path) -> None:
    rows = [{"text": "@acme", "created_at": f"{year}-01-01T00:00:00Z", "sentiment": "neutral"} for year in (2015, 2026)]
    with pytest.raises(BuzzwatchError, match=r"more than 400 days \(2015-01-01 to 2026-01-01\)"):
        run("--data", write(tmp_path, rows), "--rules", rules)


def test_tuning_shows_that_stricter_rules_fire_less_and_later(tmp_path: Path, rules: Path) -> None:
    result = run("--data", write(tmp_path, day()), "--rules", rules, "--tune", "--format", "json")
    rows = [row for row in json.loads(result.stdout) if row["alertname"] == "BadBuzz" and row["growth"] == 1.25]
    assert [row["false_alarms"] for row in rows] == sorted(row["false_alarms"] for row in rows)
    assert rows[0]["alerts"] <= rows[-1]["alerts"]
    assert rows[0]["delay_s"] >= rows[-1]["delay_s"]


def test_what_tuning_cannot_do_is_said(tmp_path: Path, rules: Path) -> None:
    none = tmp_path / "none.yaml"
    none.write_text("watches: [{name: acme, match: [acme]}]\nrules: [{alert: B, kind: bad_buzz, enabled: false}]\n")
    with pytest.raises(BuzzwatchError, match=r"none\.yaml has no bad_buzz rule that is enabled"):
        run("--data", write(tmp_path, day()), "--rules", none, "--tune")
    with pytest.raises(BuzzwatchError, match="leave out --tune"):
        run("--data", write(tmp_path, day()), "--rules", rules, "--tune", "--plot", tmp_path / "buzz.html")


def test_the_picture_shows_the_alert(tmp_path: Path, rules: Path) -> None:
    data = write(tmp_path, day())
    page, picture = tmp_path / "buzz.html", tmp_path / "buzz.png"
    run("--data", data, "--rules", rules, "--plot", page)
    run("--data", data, "--rules", rules, "--plot", picture)
    assert "<svg" in page.read_text()
    assert "BadBuzz" in page.read_text()
    assert "watch=acme" in page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BuzzwatchError, match="must end in"):
        run("--data", data, "--rules", rules, "--plot", tmp_path / "buzz.gif")
