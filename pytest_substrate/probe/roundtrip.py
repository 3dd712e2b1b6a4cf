"""The runtime's own client in a process of its own: one record to the smoke topic and back, by the runtime's settings.

Started by `client.py` as `python -I -S -c TEXT PATH`, so that it can be killed whatever the client does. PATH is where
to import from, as JSON. On standard input it gets its task when its turn comes, as a line of JSON (so the credential is
never an argument). It prints a line whenever it enters a phase, and the class of the error that ended it.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """One round trip; every word goes to the pipe at once, as this process may be killed at any time."""
    sys.path[:] = json.loads(sys.argv[1])
    pipe = sys.stdout
    sys.stdout = sys.stderr

    def say(word: str) -> None:
        pipe.write(word + "\n")
        pipe.flush()

    try:
        say("import")
        import kafka

        task = json.loads(sys.stdin.readline())
        settings = task["settings"]
        if "api_version" in settings:
            settings["api_version"] = tuple(settings["api_version"])
        value = task["value"].encode()
        say("producer")
        producer = kafka.KafkaProducer(acks="all", retries=0, **settings)
        say("produce")
        sent = producer.send(task["topic"], value, key=b"substrate-probe").get(task["seconds"])
        say("consumer")
        consumer = kafka.KafkaConsumer(enable_auto_commit=False, **settings)
        say("consume")
        place = kafka.TopicPartition(task["topic"], sent.partition)
        consumer.assign([place])
        consumer.seek(place, sent.offset)
        while True:
            for record in consumer.poll(500).get(place, []):
                if record.offset == sent.offset:
                    say("done" if record.value == value else "other")
                    return
    except BaseException as error:
        say("!" + type(error).__name__)


main()
