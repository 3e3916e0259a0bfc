"""Follow the scored tweets: `python consumer.py [SERVERS] [TOPIC] [GROUP]`. Needs confluent-kafka.

One line of JSON for each prediction. A position is committed after what came before it was printed, so that after a
crash something may come twice, and nothing is left out; `prediction_id` tells what you have already.
"""

import json
import signal
import sys

from confluent_kafka import Consumer, KafkaException

DEFAULTS = ("127.0.0.1:9092", "tweets.scored", "example-python")
servers, topic, group = (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :])
consumer = Consumer(
    {
        "bootstrap.servers": servers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        # Predictions are written in transactions: without this, those of aborted ones are read as well.
        "isolation.level": "read_committed",
    }
)
consumer.subscribe([topic])

stopping = False


def stop(*_: object) -> None:
    """Ctrl-C or SIGTERM: leave the group after the batch at hand."""
    global stopping
    stopping = True


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
try:
    while not stopping:
        records = consumer.consume(num_messages=500, timeout=1.0)
        for record in records:
            if record.error():
                raise KafkaException(record.error())
            prediction = json.loads(record.value())
            line = {
                "tweet_id": prediction["tweet_id"],
                "prediction_id": prediction["prediction_id"],
                "sentiment": prediction["sentiment"],
                "watches": prediction["watches"],
            }
            print(json.dumps(line), flush=True)
        if records:
            consumer.commit(asynchronous=False)
finally:
    consumer.close()
