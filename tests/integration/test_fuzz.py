"""`make fuzz` in short: mutated messages through a real Mosquitto, bridge and Kafka."""

from benchmarks import fuzz, fuzz_mqtt
from benchmarks.fuzz_ledger import Ledger, Tally


def test_every_message_that_the_broker_took_is_in_kafka() -> None:
    tally = Tally()
    fuzz_mqtt.run(400, 5, tally, Ledger(tally))
    assert tally.passed, fuzz.figures(tally)
    assert tally.refused
    assert tally.forwarded.total() > 20
