"""The agent under strace: what it opens for writing, and that no sample is written or sent."""

import json
import math
import os
import re
import subprocess
import sys
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile

from acoustics.indices import MINUTE_S
from deploy.local.mosquitto import Mosquitto
from deploy.local.requirements import find_program
from tests.bridge import DEVICE, AckingBridge

RATE_HZ: Final = 16_000
SECONDS: Final = 3
WINDOW: Final = 12  # samples: no chance to come about otherwise
EVERY: Final = RATE_HZ // 100  # one window in each 10 ms
OPENS: Final = "open,openat,openat2,creat"
WRITES: Final = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
UNSEEN: Final = "sendfile,splice,tee,vmsplice,copy_file_range,io_uring_setup,process_vm_writev"
"""Ways to write whose data strace does not show: they may not be used at all."""
HEX: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
LOUDEST: Final = 9000
MARKER: Final = np.random.default_rng(20260504).integers(
    -LOUDEST, LOUDEST, SECONDS * RATE_HZ, dtype=np.int16
)
INFORMATION_BYTES: Final = len(MARKER) * math.log2(2 * LOUDEST) / 8

FORMS: Final[Mapping[str, str]] = {
    "16-bit PCM": "<i2",
    "16-bit PCM, big-endian": ">i2",
    "32-bit PCM": "<i4",
    "float32": "<f4",
    "float64": "<f8",
}


def encoded(samples: np.ndarray[tuple[int], np.dtype[np.int16]], form: str) -> bytes:
    """Samples as programs keep them: integers at full scale of their width, or -1 to 1."""
    if form == "32-bit PCM":
        return (samples.astype("<i4") << 16).tobytes()
    scaled = samples / 2**15 if form.startswith("float") else samples
    return scaled.astype(FORMS[form]).tobytes()


@cache
def patterns() -> Mapping[bytes, str]:
    """Bytes that betray the marker, each with the form in which it is there."""
    found: dict[bytes, str] = {}
    for at in range(0, len(MARKER) - WINDOW, EVERY):
        window = MARKER[at : at + WINDOW]
        for form in FORMS:
            raw = encoded(window, form)
            found[raw] = form
            for skipped in range(3):  # where the window lies in the groups of base64
                whole = (len(raw) - skipped) // 3 * 3
                found[b64encode(raw[skipped : skipped + whole])] = f"{form} in base64"
        found[", ".join(map(str, window)).encode()] = "text"
        found[",".join(map(str, window)).encode()] = "text"
    return found


def betrayed(data: bytes) -> set[str]:
    """The forms in which samples of the marker are in the data."""
    return {form for pattern, form in patterns().items() if pattern in data}


@dataclass(frozen=True)
class Trace:
    """What a program did, as strace saw it."""

    opened_for_writing: frozenset[Path]
    written: bytes
    """All that was written or sent, in a row."""
    unseen: tuple[str, ...]


def traced(command: list[str], folder: Path, **environment: str) -> tuple[Trace, str]:
    """Run a program to its end under strace; its standard error goes to `agent.log`."""
    trace = folder / "trace"
    strace = ["strace", "-f", "-qq", "-xx", "-s", "65536", "-o", str(trace)]
    calls = ["-e", f"trace=?{OPENS},{WRITES},{UNSEEN}".replace(",", ",?")]
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    with (folder / "agent.log").open("wb") as log:
        done = subprocess.run(
            [*strace, *calls, *command],
            env=settings, stdout=subprocess.PIPE, stderr=log, timeout=240, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (folder / "agent.log").read_text(errors="replace")
    return read(trace), done.stdout.decode()


def read(path: Path) -> Trace:
    """Parse what `-xx` wrote: every text in hex, none cut short."""
    opened, written, unseen = set(), bytearray(), []
    for line in path.read_text(encoding="ascii").splitlines():
        call = re.match(r"\d+ +(?:<\.\.\. )?(\w+)", line)
        name = call[1] if call else ""
        texts = HEX.findall(line)
        if name in WRITES.split(","):
            assert not any(cut for _, cut in texts), "strace cut a packet short"
            written += b"".join(unhex(text) for text, _ in texts)
        elif name in UNSEEN.split(","):
            unseen.append(line)
        elif name == "creat" or (texts and re.search(r"O_WRONLY|O_RDWR|O_CREAT", line)):
            opened.add(Path(os.fsdecode(unhex(texts[0][0]))))
    return Trace(frozenset(opened), bytes(written), tuple(unseen))


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@pytest.fixture(scope="module", autouse=True)
def strace() -> None:
    """Skip where a program may not be traced."""
    if find_program("strace") is None:
        pytest.skip("needs strace (apt-get install strace)")
    command = ["strace", "-qq", "-o", os.devnull, "true"]
    tried = subprocess.run(command, capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"strace may not trace here: {tried.stderr.decode().strip()[:100]}")


def test_the_agent_writes_its_spool_and_no_sample(mosquitto: Mosquitto, tmp_path: Path) -> None:
    marker, state = tmp_path / "marker.wav", tmp_path / "state"
    soundfile.write(marker, MARKER, RATE_HZ, subtype="PCM_16")
    command = [sys.executable, "-m", "cityhum", "agent", "play", str(marker), "--json"]
    with AckingBridge(mosquitto) as bridge:
        trace, said = traced(
            command,
            tmp_path,
            CITYHUM_DEVICE=DEVICE,
            CITYHUM_MQTT_HOST=mosquitto.host,
            CITYHUM_MQTT_PORT=str(mosquitto.port),
            CITYHUM_MQTT_PASSWORD_FILE=str(mosquitto.password_file(DEVICE)),
            CITYHUM_STATE_FOLDER=str(state),
        )
    played = json.loads(said)
    assert (played["readings"], played["remaining"]) == (SECONDS, 0)
    loudest = max(max(batch.mel.codes) for batch in bridge.batches if batch.mel is not None)
    assert loudest > 100, "the marker was not heard, so its absence would prove nothing"

    spools = ("spool.", "indices.")
    foreign = {
        path for path in trace.opened_for_writing
        if path != Path(os.devnull) and not (path.parent == state and path.name.startswith(spools))
    }  # fmt: skip
    assert not foreign
    assert not trace.unseen
    assert betrayed(trace.written) == set()
    # in whatever code: the marker is noise, so a copy of it could not be made any smaller
    assert 1_000 < len(zlib.compress(trace.written)) < INFORMATION_BYTES / 8
    left = [path for path in state.rglob("*") if path.is_file()]
    assert left
    for path in [*left, tmp_path / "agent.log"]:
        assert betrayed(path.read_bytes()) == set(), path


def test_the_child_that_computes_indices_writes_no_sample(tmp_path: Path) -> None:
    minute, fonts = tmp_path / "minute", tmp_path / "fonts"
    minute.write_bytes(encoded(MARKER, "float32") * (MINUTE_S // SECONDS))
    child = f"exec {sys.executable} -m agents.adapters.indices_child {RATE_HZ} < {minute}"
    trace, said = traced(["sh", "-c", child], tmp_path, MPLCONFIGDIR=str(fonts))
    assert json.loads(said)["aci"] > 0
    assert {path.parent for path in trace.opened_for_writing} <= {fonts, Path(os.devnull).parent}
    assert not trace.unseen
    assert betrayed(trace.written) == set()
    assert len(zlib.compress(trace.written)) < INFORMATION_BYTES / 8


@pytest.mark.parametrize("form", FORMS)
def test_the_detector_finds_the_marker_in_a_file(form: str, tmp_path: Path) -> None:
    start = 4321
    some = encoded(MARKER[start : start + EVERY + WINDOW], form)
    file = tmp_path / "leak"
    file.write_bytes(b"head!" + some + b"tail")
    assert betrayed(file.read_bytes()) == {form}
    file.write_bytes(b'{"codes":"' + b64encode(b"x" + some) + b'"}')
    assert betrayed(file.read_bytes()) == {f"{form} in base64"}


LEAKY: Final = """
import socket, sys
import numpy as np
sound = np.fromfile(sys.argv[1], "<i2")
with open(sys.argv[2], "wb") as file:
    file.write(sound[1000:2000].tobytes())
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as out:
        out.sendall((sound[:400] / 2**15).astype("<f4").tobytes())
"""


def test_the_trace_shows_a_program_that_writes_and_sends_samples(tmp_path: Path) -> None:
    raw, leak = tmp_path / "marker.raw", tmp_path / "leak"
    raw.write_bytes(MARKER.tobytes())
    trace, _ = traced([sys.executable, "-c", LEAKY, str(raw), str(leak)], tmp_path)
    assert trace.opened_for_writing == {leak}
    assert betrayed(trace.written) == {"16-bit PCM", "float32"}
