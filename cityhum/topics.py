"""`cityhum topics`: create and check the Kafka topics that `deploy/kafka/topics.yaml` plans."""

import asyncio

import typer

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors import topic_plan
from processors.adapters import kafka
from processors.settings import ProcessorSettings
from processors.topic_plan import TopicPlan
from schemas.adapters import text_file

app = typer.Typer(no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Create and check the Kafka topics."""


@app.command()
def create(*, as_json: AsJson = False) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    settings, plan = _planned()
    created = asyncio.run(kafka.create_topics(settings, plan))
    there = len(plan.topics) - len(created)
    said = f"{len(created)} topics created, {there} were there"
    answer({"created": created, "were_there": there}, said, as_json=as_json)


@app.command()
def check(*, as_json: AsJson = False) -> None:
    """Compare the topics with the plan; status 1 if they differ."""
    settings, plan = _planned()
    found = asyncio.run(kafka.differences(settings, plan))
    said = "\n".join(found) or f"{len(plan.topics)} topics as planned"
    answer({"planned": len(plan.topics), "differences": found}, said, as_json=as_json)
    if found:
        raise typer.Exit(Status.PROBLEMS)


def _planned() -> tuple[ProcessorSettings, TopicPlan]:
    settings = environment.read(ProcessorSettings)
    return settings, topic_plan.parse(text_file.read(settings.topics_file), "topics_file")
