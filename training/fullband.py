"""`python -m training.fullband prepare | train | evaluate | export | quantise`: in this order."""

import sys
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from schemas.errors import BadConfig, CityhumError
from training import (
    card,
    data,
    fullband_config,
    fullband_pair,
    fullband_pool,
    fullband_train,
    rounding,
)
from training import fullband_evaluation as evaluation
from training import fullband_export as export
from training.config import Config, Run
from training.evaluation import Found
from training.fullband_config import FullBand

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
HERE: Final = Path(__file__).parent
ConfigPath = Annotated[Path, typer.Option("--config", help="what to train")]
ModelsPath = Annotated[Path, typer.Option(help="folder of models")]


@app.command()
def prepare(path: ConfigPath = HERE / "street.yaml") -> None:
    """Compute the bands of every sound, mix them, and let the teacher hear the mixtures, once."""
    chosen, recordings = fullband_config.read(path)
    for shard in fullband_pool.prepare(recordings, chosen.train.mixtures):
        Console().print(shard)


@app.command()
def train(
    path: ConfigPath = HERE / "street.yaml",
    fold: Annotated[list[int] | None, typer.Option(help="left out; 0: none; default all")] = None,
    seed: Annotated[int | None, typer.Option(help="only this one")] = None,
) -> None:
    """Distil and teach the model and its fold models; what is trained already stays as it is."""
    chosen, recordings = fullband_config.read(path)
    wanted = [run for run in fullband_train.runs(chosen.train) if seed in {None, run.seed}]
    for held_out in fold or (*chosen.train.folds, 0):
        mine = [run for run in wanted if run.held_out == held_out]
        missing = [
            run for run in mine
            if not fullband_train.weights_path(chosen, recordings, run).exists()
        ]  # fmt: skip
        if missing:
            lessons = fullband_train.lessons(chosen, recordings, held_out)
            for run in missing:
                Console().print(fullband_train.train(chosen, recordings, run, lessons))


@app.command()
def evaluate(path: ConfigPath = HERE / "street.yaml") -> None:
    """Judge the fold models on what they left out; choose thresholds and temperatures."""
    chosen, recordings = fullband_config.read(path)
    found = evaluation.evaluate(chosen, recordings)
    plain = {str(fold): one.model_dump() for fold, one in found.items()}
    _results(chosen, recordings).write_bytes(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    Console().print_json(data={fold: dict(one.metrics) for fold, one in found.items()})


@app.command(name="export")
def export_all(
    path: ConfigPath = HERE / "street.yaml", models: ModelsPath = HERE.parent / "models"
) -> None:
    """Write the model and its fold models as ONNX with manifests; `training.account` adds cards."""
    chosen, recordings = fullband_config.read(path)
    name = f"{chosen.name}-{chosen.version}"
    judge = card.command(name, path.parent / chosen.recordings, models)
    results = _results(chosen, recordings)
    if not results.exists():
        raise BadConfig(f"{name} is not judged yet: python -m training.fullband evaluate")
    for key, plain in orjson.loads(results.read_bytes()).items():
        fold = int(key)
        folder = models / "folds" / f"{name}-fold{fold}" if fold else models / name
        net = fullband_pair.load(chosen, recordings, Run(fold, chosen.train.seed))
        found = Found.model_validate(plain)
        weights = export.to_onnx(net, found)
        manifest = export.write(folder, chosen, recordings, weights, found)
        parameters = sum(weight.numel() for weight in net.parameters())
        about = card.text(manifest, fold=fold, parameters=parameters, judge=judge)
        (folder / "card.md").write_text(about)
        Console().print(folder)


@app.command()
def quantise(
    path: ConfigPath = HERE / "street.yaml", models: ModelsPath = HERE.parent / "models"
) -> None:
    """Exported models in INT8, if it is faster and no class loses more than a point."""
    chosen, recordings = fullband_config.read(path)
    name = f"{chosen.name}-{chosen.version}"
    verdict = rounding.quantise(models, name, data.clips(recordings.data))
    Console().print_json(data={"ships": verdict.ships, **verdict.model_dump()})


def _results(chosen: FullBand, recordings: Config) -> Path:
    mark = fullband_train.mark_of(chosen, recordings)
    return data.cache_of(recordings.data) / f"{chosen.name}-{chosen.version}-{mark}-results.json"


def main() -> None:
    """Run a step; a mistake of the user is one line and status 2."""
    try:
        app()
    except CityhumError as error:
        print(f"training: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
        sys.exit(2)


if __name__ == "__main__":
    main()
