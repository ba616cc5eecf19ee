"""Apache Kafka's jars, brought once from Maven Central and kept."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.requirements import MAVEN, require
from deploy.local.truststore import java_options
from schemas.errors import Unavailable

POM = Path(__file__).parents[1] / "kafka" / "pom.xml"


def jars_folder(cache: Path) -> Path:
    """Return where the jars named by the present pom.xml are kept, whether or not they are yet."""
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    return cache / f"jars-{digest}"


def kafka_jars(cache: Path) -> Path:
    """Return the folder of Kafka's jars, downloading them the first time.

    Parameters
    ----------
    cache : Path
        Kept between runs; one download at a time, later calls need no network.
    """
    cache = cache.resolve()  # Maven would read it from pom.xml's own folder
    jars = jars_folder(cache)
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not jars.is_dir():
            _download(cache, jars)
    return jars


def _download(cache: Path, jars: Path) -> None:
    partial = jars.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        *(str(require(MAVEN)), "--quiet", "--batch-mode", "--file", str(POM)),
        f"-Dmaven.repo.local={cache / 'maven'}",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={partial}",
    ]
    environment = dict(os.environ)
    if "SSL_CERT_FILE" in environment:  # pip, uv and curl heed it, Java does not
        trust = java_options(Path(environment["SSL_CERT_FILE"]), cache / "truststore.jks")
        environment["MAVEN_OPTS"] = f"{environment.get('MAVEN_OPTS', '')} {trust}"
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if "ERROR" in line]
        reason = said[0] if said else f"exit {done.returncode}"
        raise Unavailable(f"Maven could not bring Kafka's jars: {reason}")
    partial.rename(jars)
    shutil.rmtree(cache / "maven", ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
