from __future__ import annotations

import os
import subprocess
import sys

from contracts.settings import Settings
from stream.kafka.topic_reader import follow

SCRIPT = """
import threading, time
from contextlib import closing
from contracts.settings import load_settings
from demo.play import Phase, Theatre
looks = []
with closing(Theatre(load_settings(), print, {})) as theatre:
    # It is asked whether it is over before each look at what is due.
    player = threading.Thread(target=theatre.play, args=(Phase("a day", 3600, 50, 0, 0), lambda: looks.append(1)))
    player.start()
    while len(looks) < 20:
        time.sleep(0.01)
player.join()
"""


def test_a_play_that_is_interrupted_ends_at_once_and_sends_what_it_began(settings: Settings, topics: None) -> None:
    environment = {
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "BUZZWATCH_KAFKA__TOPICS__TWEETS": settings.kafka.topics.tweets,
        "BUZZWATCH_KAFKA__TOPICS__SCORED": settings.kafka.topics.scored,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, **environment}, capture_output=True, timeout=120, check=True
    )
    assert done.stderr == b""
    assert list(follow(settings, settings.kafka.topics.tweets, from_beginning=True, until_end=True))
