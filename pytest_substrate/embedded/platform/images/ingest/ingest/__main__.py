"""A publisher as teams write them: it takes what its environment injects, once, and sends an event now and then.

It knows nothing of the acceptance tests. A rotated secret stays stale here until the task is replaced, as in any
service that reads its environment at start.
"""

import json
import os
import sys
import time

from kafka import KafkaProducer
from kafka.errors import KafkaError


def settings() -> dict[str, object]:
    """The producer's settings, from the environment."""
    credential = json.loads(os.environ["KAFKA_CREDENTIAL"])
    found: dict[str, object] = {
        "bootstrap_servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": credential["username"],
        "sasl_plain_password": credential["password"],
        "ssl_cafile": os.environ["KAFKA_CA_FILE"],
        "acks": "all",
        "max_block_ms": 5000,
        "request_timeout_ms": 5000,
        "bootstrap_timeout_ms": 5000,
    }
    if os.environ.get("KAFKA_API_VERSION"):
        found["api_version"] = tuple(int(part) for part in os.environ["KAFKA_API_VERSION"].split("."))
    return found


def main() -> None:
    """Publish until told to stop; a broker that says no is logged and tried again."""
    topic = os.environ.get("KAFKA_TOPIC", "events.raw")
    number = 0
    producer = None
    while True:
        try:
            producer = producer or KafkaProducer(**settings())
            producer.send(topic, json.dumps({"event": number}).encode()).get(timeout=5)
            print(f"published {number} to {topic}", flush=True)
            number += 1
        except KafkaError as error:
            print(f"not published: {type(error).__name__}", file=sys.stderr, flush=True)
            producer = None
        time.sleep(2)


if __name__ == "__main__":
    main()
