"""Alert events are CloudEvents 1.0: by the published schema, and as its own library reads them."""

import json
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from schemas import cloud_events
from schemas.codec import encode
from schemas.results import Alert
from tests.streams import alert

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "data/third_party/cloudevents/1.0.schema.json").read_text(
        encoding="utf-8"
    )
)
RAISED = alert()
UPDATED = alert(revision=1, state="updated")
CLEARED = alert(
    revision=2, state="cleared", ended_at=RAISED.onset_at + timedelta(seconds=9.5), active_s=9
)
EVENTS = (RAISED, UPDATED, CLEARED)


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.state)
def test_an_event_meets_the_published_schema(event: Alert) -> None:
    told = {**cloud_events.attributes(event), "datacontenttype": "application/json"}
    checker = jsonschema.Draft7Validator.FORMAT_CHECKER
    jsonschema.validate({**told, "data": json.loads(encode(event))}, SCHEMA, format_checker=checker)


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: one.state)
def test_the_library_reads_records_of_kafka_and_posts(event: Alert) -> None:
    headers = dict(cloud_events.kafka_headers(event))
    record = kafka.KafkaMessage(headers=headers, key=None, value=encode(event))
    of_kafka = kafka.from_binary(record, JSONFormat(), CloudEvent)
    post = http.HTTPMessage(headers=dict(cloud_events.http_headers(event)), body=encode(event))
    of_http = http.from_binary(post, JSONFormat(), CloudEvent)
    for read in (of_kafka, of_http):
        assert read.get_id() == f"{event.alert_id}.{event.revision}"
        assert read.get_type() == f"cityhum.alert.{event.state}.v1"
        assert read.get_source() == "/cityhum/v1/harbour/pole-07"
        assert read.get_subject() == "siren"
        if event.state != "updated":  # it tells no time, and the library then takes its own
            assert read.get_time() == (event.ended_at or event.raised_at)
        assert read.get_data() == json.loads(encode(event))
