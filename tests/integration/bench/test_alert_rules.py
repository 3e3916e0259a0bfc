from __future__ import annotations

from bench.parts import alert_rules


def test_the_cost_of_rules_is_measured_on_a_redis_of_its_own_with_every_kind_of_rule() -> None:
    said: list[str] = []
    found = alert_rules.run(10, 2, past_rate=0.05, rate=200, seconds=2, progress=said.append, past_s=7200)
    assert found.subjects == 30
    assert len(found.busy_s) == 4
    assert found.alerts >= 1
    assert {"minutes", "hours", "buckets", "voices"} <= found.bytes_by_part.keys()
    report = alert_rules.report(found)
    assert [row[0] for row in report.rows][2] == "200 tweets/s"
    assert report.data["met"]  # type: ignore[index]
    assert said
