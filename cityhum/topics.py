"""`cityhum topics`: create and check the Kafka topics that `deploy/kafka/topics.yaml` plans."""

import asyncio

import typer

from cityhum import environment
from processors import topic_plan
from processors.adapters import kafka, text_file
from processors.settings import ProcessorSettings
from processors.topic_plan import TopicPlan

app = typer.Typer(no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Create and check the Kafka topics."""


@app.command()
def create() -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    settings, plan = _planned()
    created = asyncio.run(kafka.create_topics(settings, plan))
    typer.echo(f"{len(created)} topics created, {len(plan.topics) - len(created)} were there")


@app.command()
def check() -> None:
    """Compare the topics with the plan; status 1 if they differ."""
    settings, plan = _planned()
    found = asyncio.run(kafka.differences(settings, plan))
    for difference in found:
        typer.echo(difference)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(plan.topics)} topics as planned")


def _planned() -> tuple[ProcessorSettings, TopicPlan]:
    settings = environment.read(ProcessorSettings)
    return settings, topic_plan.parse(text_file.read(settings.topics_file), "topics_file")
