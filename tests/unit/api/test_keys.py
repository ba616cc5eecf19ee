"""Keys, their file and how often they may ask."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import keys, limits
from api.adapters import key_file
from api.adapters.key_file import KeyRing
from api.keys import KeyFile, Scope
from cityhum.api import add
from schemas.errors import BadConfig

EXAMPLE = Path(__file__).parents[3] / "deploy" / "api-keys.example.yaml"


def test_the_example_is_a_file_of_keys() -> None:
    assert [key.name for key in key_file.read(EXAMPLE).keys] == [
        "noise-department",
        "traffic-control",
    ]


def test_a_file_keeps_keys_but_not_their_secrets(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    made = [keys.made(name, [Scope.ALERTS], f"cityhum_{name}") for name in ("a", "b")]
    for key in made:
        add(path, key)
    assert key_file.read(path) == KeyFile(keys=tuple(made))
    assert "cityhum_a" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadConfig, match="two keys are called a"):
        add(path, made[0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keys: [", "k.yaml: while parsing"),
        ("keys: 3", "k.yaml: keys: Input should be"),
        ("keys: [{name: a, scopes: [all], sha256: x}]", r"k.yaml: keys.0.scopes.0: Input"),
        ("- a", "k.yaml: : Input should be"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(text: str, says: str) -> None:
    with pytest.raises(BadConfig, match=says) as caught:
        keys.parse(text, "k.yaml")
    assert "\n" not in str(caught.value)


def test_a_ring_follows_its_file_and_survives_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    add(path, keys.made("a", [Scope.ALERTS], "secret"))
    ring = KeyRing(path)
    path.write_text("keys: [")
    assert [key.name for key in ring.current().values()] == ["a"]
    path.write_text("keys: []")
    os.utime(path, ns=(1, 1))  # even if the clock stands still
    assert not ring.current()
    path.unlink()
    assert not ring.current()


@given(
    per_minute=st.integers(1, 6000),
    asked_after_s=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_a_bucket_and_what_has_dripped_in(
    per_minute: int, asked_after_s: list[float]
) -> None:
    now_s, admitted, bucket = 0.0, 0, limits.full(per_minute, 0.0)
    for after_s in asked_after_s:
        now_s += after_s
        bucket, wait_s = limits.taken(bucket, per_minute, now_s)
        admitted += wait_s == 0
        if wait_s:  # who waits as told is let in
            assert limits.taken(bucket, per_minute, now_s + wait_s + 1e-6)[1] == 0
    burst = max(1.0, per_minute * limits.BURST_S / 60)
    assert admitted <= burst + per_minute * now_s / 60 + 1e-6
