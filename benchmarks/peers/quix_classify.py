"""Classify as quixstreams has it: a function applied to each record.

Runs in an environment of its own, since quixstreams holds pydantic back.
"""

import sys
from pathlib import Path

from quixstreams import Application
from scoring import Scorer  # type: ignore[import-not-found]  # beside it, as a script

bootstrap, model, source_name, target_name = sys.argv[1:]
scorer = Scorer(Path(model))
app = Application(
    broker_address=bootstrap,
    consumer_group="quix",
    auto_offset_reset="earliest",
    auto_create_topics=False,
)
source = app.topic(source_name, value_deserializer="json")
target = app.topic(target_name, value_serializer="json")
stream = app.dataframe(source)
stream = stream.apply(lambda record: scorer.answers([record])[0]).to_topic(target)

if __name__ == "__main__":
    app.run()
