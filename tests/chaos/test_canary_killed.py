"""`kill -9` of a worker in which a challenger answers half of the tweets."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import pytest
import redis

from contracts.events import prediction_id
from contracts.settings import RedisSettings, Settings
from contracts.times import clock_ms
from learning.rollout.decide import begin
from learning.rollout.state import TrialStore
from models.registry.champion_cache import ChampionCache
from models.registry.client import RegisteredVersion
from tests.chaos import checker
from tests.chaos.site import ALL, Site

KILLS = 15 if ALL else 2
CHALLENGER = RegisteredVersion("sentiment", "2", (), "chaos")


def _begin_canary(site: Site) -> None:
    """As `models canary start` does, with a challenger that has been downloaded already: the site has no MLflow."""

    def download(folder: Path) -> None:
        shutil.copytree(Settings().artefact, folder, dirs_exist_ok=True)

    ChampionCache(site.folder / "var" / "champion").load(CHALLENGER, download)
    settings = Settings(redis=RedisSettings(url=site.redis.address, prefix=site.prefix))
    with redis.Redis.from_url(site.redis.address, decode_responses=True) as client:
        store = TrialStore(client, settings)
        change = begin(CHALLENGER, "1", "canary", "chaos", "", clock_ms(), 0.5)
        assert store.change(0, change.state, change.event)


@pytest.mark.timeout(900)
def test_a_worker_killed_in_a_canary_loses_and_doubles_nothing_and_every_tweet_goes_its_way(
    site: Site, chance: random.Random
) -> None:
    site.environment["BUZZWATCH_ROLLOUT__CANARY_STEPS"] = "50%/24h"
    _begin_canary(site)
    site.start_notifier()
    worker = site.start_worker()
    site.send()
    site.visible.wait_since(worker.started)
    for _ in range(KILLS):
        time.sleep(chance.uniform(1, 3))
        worker.kill()
        worker = site.start_worker()
        site.visible.wait_since(worker.started)
    site.check(trial_changes=["2 canary.started"])
    # All changes there were: the audit topic may hold one twice, with the same id.
    events = [json.loads(one.value or b"") for one in checker.read_committed(site.kafka.address, site.topics.audit)]
    assert list({event["id"]: event["what"] for event in events}.values()) == ["canary.started"]
    answered = {"1": 0, "2": 0}
    for record in checker.read_committed(site.kafka.address, site.topics.scored):
        event = json.loads(record.value or b"")
        version = event["model"]["version"]
        answered[version] += 1
        assert event.get("canary", False) == (version == "2")
        assert event["prediction_id"] == prediction_id("sentiment", version, event["tweet_id"])
        # The rule of docs/rollout.md.
        theirs = prediction_id(CHALLENGER.name, CHALLENGER.version, event["tweet_id"])
        assert (version == "2") == (int(theirs[:8], 16) < 2**31)
    assert min(answered.values()) > 0.3 * sum(answered.values())
