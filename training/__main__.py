"""`python -m training prepare | distil | train | evaluate | export`: a step each, in order."""

import sys
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from schemas.errors import CityhumError
from training import (
    card,
    config,
    data,
    export,
    judging,
    pools,
    rounding,
    teacher,
    thresholds,
    train,
)
from training.thresholds import Decisions

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
FOLDS: Final = (1, 2, 3)
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


@app.command(name="train")
def train_all(
    path: ConfigPath = HERE / "street8.yaml",
    fold: Annotated[list[int] | None, typer.Option(help="left out; 0: none; default all")] = None,
) -> None:
    """Train the model and its three fold models."""
    chosen = config.read(path)
    pool = pools.load(chosen)
    for held_out in fold or (*FOLDS, 0):
        Console().print(train.train(chosen, pool, held_out))


@app.command()
def evaluate(path: ConfigPath = HERE / "street8.yaml") -> None:
    """Judge the fold models on what they left out; choose thresholds and temperatures."""
    chosen = config.read(path)
    pool, clips = pools.load(chosen), data.clips(chosen.data)
    nets = {fold: train.load(chosen, fold) for fold in FOLDS}
    scenes = judging.judged_streets(chosen)
    unheard = {fold: judging.held_out(net, pool, clips, fold) for fold, net in nets.items()}
    streets = {fold: judging.on_streets(net, scenes) for fold, net in nets.items()}
    results: dict[str, object] = {}
    for left_out in (0, *FOLDS):
        others = [fold for fold in FOLDS if fold != left_out]
        decisions = thresholds.decide(
            thresholds.joined([unheard[f] for f in others] + [streets[f] for f in others])
        )
        judged = FOLDS if left_out == 0 else (left_out,)
        metrics: dict[str, float] = {}
        for fold in judged:
            metrics |= judging.fold_metrics(nets[fold], pool, clips, fold)
        # the shipped net has no fold to be judged on, but it has not heard these streets either
        net = nets[left_out] if left_out else train.load(chosen, 0)
        metrics |= judging.street_metrics(net, scenes, decisions)
        results[str(left_out)] = {"decisions": decisions.model_dump(), "metrics": metrics}
    results_path(chosen).write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    Console().print_json(data={k: v["metrics"] for k, v in results.items()})  # type: ignore[index]


@app.command(name="export")
def export_all(
    path: ConfigPath = HERE / "street8.yaml",
    models: Annotated[Path, typer.Option(help="folder of models")] = HERE.parent / "models",
) -> None:
    """Write the model and its fold models as ONNX with manifest and card."""
    chosen = config.read(path)
    name = f"{chosen.name}-{chosen.version}"
    results = orjson.loads(results_path(chosen).read_bytes())
    for fold in (0, *FOLDS):
        folder = models / "folds" / f"{name}-fold{fold}" if fold else models / name
        net = train.load(chosen, fold)
        found = results[str(fold)]
        manifest = export.write(
            folder, chosen, export.to_onnx(net), Decisions(**found["decisions"]), found["metrics"]
        )
        parameters = sum(weights.numel() for weights in net.parameters())
        (folder / "card.md").write_text(card.text(manifest, fold=fold, parameters=parameters))
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


def results_path(chosen: config.Config) -> Path:
    """Where `evaluate` leaves its findings for `export`."""
    return chosen.data.cache / f"{chosen.name}-{chosen.version}-results.json"


def main() -> None:
    """Run a step; a mistake of the user is one line and status 2."""
    try:
        app()
    except CityhumError as error:
        print(f"training: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
        sys.exit(2)


if __name__ == "__main__":
    main()
