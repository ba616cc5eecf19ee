"""`python -m training prepare | distil | train | evaluate | export`: a step each, in order."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from schemas.errors import CityhumError
from training import (
    card,
    config,
    data,
    evaluation,
    export,
    field,
    field_folder,
    pools,
    rounding,
    teacher,
    train,
)
from training.config import Run

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
HERE: Final = Path(__file__).parent
ConfigPath = Annotated[Path, typer.Option("--config", help="what to train")]


@app.command()
def prepare(path: ConfigPath = HERE / "street8.yaml") -> None:
    """Compute the mel frames of every sound, once."""
    Console().print(pools.prepare(config.read(path)))


@app.command()
def distil(path: ConfigPath = HERE / "street8.yaml") -> None:
    """Let the teacher hear every recording, once."""
    Console().print(teacher.distil(config.read(path)))


@app.command(name="field")
def collect(
    folder: Annotated[Path, typer.Argument(help="what data.field of a configuration names")],
    days: Annotated[int, typer.Option(min=1, help="alerts that began since")] = 7,
    keep_days: Annotated[
        int, typer.Option(min=1, max=36_500, help="older examples are deleted")
    ] = 400,
) -> None:
    """Keep the features around judged alerts, while Kafka still has them; forget old ones."""
    from training import field_log  # noqa: PLC0415  # knows brokers and databases, which others lack

    field_log.collect_into(folder, days, keep_days)


@app.command(name="train")
def train_all(
    path: ConfigPath = HERE / "street8.yaml",
    fold: Annotated[list[int] | None, typer.Option(help="left out; 0: none; default all")] = None,
    seed: Annotated[int | None, typer.Option(help="only this one")] = None,
) -> None:
    """Train the model and its fold models; what is trained already is left as it is."""
    chosen = config.read(path)
    pool = field.with_field(pools.load(chosen), field_folder.read(chosen.data.field))
    for run in train.runs(chosen, tuple(fold or (*chosen.train.folds, 0))):
        if seed in {None, run.seed}:
            Console().print(train.train(chosen, pool, run))


@app.command()
def evaluate(path: ConfigPath = HERE / "street8.yaml") -> None:
    """Judge the fold models on what they left out; choose thresholds and temperatures."""
    chosen = config.read(path)
    found = evaluation.evaluate(chosen)
    evaluation.save(chosen, found)
    Console().print_json(data={fold: dict(one.metrics) for fold, one in found.items()})


@app.command(name="export")
def export_all(
    path: ConfigPath = HERE / "street8.yaml",
    models: Annotated[Path, typer.Option(help="folder of models")] = HERE.parent / "models",
) -> None:
    """Write the model and its fold models as ONNX with manifest and card."""
    chosen = config.read(path)
    name = f"{chosen.name}-{chosen.version}"
    judge = card.command(name, path, models)
    for fold, found in evaluation.load(chosen).items():
        folder = models / "folds" / f"{name}-fold{fold}" if fold else models / name
        net = train.load(chosen, Run(fold, chosen.train.seed))
        manifest = export.write(folder, chosen, export.to_onnx(net, found), found)
        parameters = sum(weights.numel() for weights in net.parameters())
        about = card.text(manifest, fold=fold, parameters=parameters, judge=judge)
        (folder / "card.md").write_text(about)
        Console().print(folder)


@app.command()
def quantise(
    path: ConfigPath = HERE / "street8.yaml",
    models: Annotated[Path, typer.Option(help="folder of models")] = HERE.parent / "models",
) -> None:
    """Exported models in INT8, if it is faster and no class loses more than a point."""
    chosen = config.read(path)
    name = f"{chosen.name}-{chosen.version}"
    verdict = rounding.quantise(models, name, data.clips(chosen.data))
    Console().print_json(data={"ships": verdict.ships, **verdict.model_dump()})


def main() -> None:
    """Run a step; a mistake of the user is one line and status 2."""
    try:
        app()
    except CityhumError as error:
        print(f"training: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
        sys.exit(2)


if __name__ == "__main__":
    main()
