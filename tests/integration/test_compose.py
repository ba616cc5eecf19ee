"""The compose files: valid, closed, and made of the files that the local stack uses."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityhum import environment
from cityhum.main import build
from dashboard.settings import DashboardSettings
from deploy.local.api_keys import keys_file
from deploy.local.postgres import ROLES
from deploy.local.programs import access_table
from tests.compose import (
    CITY,
    DEMO,
    ROOT,
    Project,
    asked,
    is_job,
    mounted,
    project,
    tool,
    variables,
)

FIRST_PROBE_S = 60
SERVERS = {"mosquitto", "kafka", "postgres"}
PROFILES = {"core", "simulate", "dashboard", "notify", "observe", "operate"}
ROOT_JOB = "disks"
"""The only one that runs as root: it gives away the volumes and ends."""
BY_HAND = {"access", "backup", "checkpoints", "dead-letters", "gaps", "reader", "verdicts"}
"""What operators run: `docker compose run --rm operate`."""
OPERATE = "operate"
LOCAL_STACK_READS = {
    "deploy/mosquitto/mosquitto.conf",
    "deploy/mosquitto/acl",
    "deploy/kafka/server.properties",
    "deploy/kafka/log4j2.properties",
    "deploy/postgres/roles.sql",
}
CITY_READS = LOCAL_STACK_READS | {
    "deploy/mosquitto/production.conf",
    "deploy/kafka/production.properties",
    "deploy/postgres/production.conf",
    "deploy/postgres/pg_hba.conf",
}
"""As deploy/local/secure.py."""


@pytest.fixture(scope="module", params=[DEMO, CITY], ids=["demo", "city"])
def compose(request: pytest.FixtureRequest) -> Project:
    return project(request.param)


@pytest.fixture(scope="module")
def demo() -> Project:
    return project(DEMO)


@pytest.fixture(scope="module")
def city() -> Project:
    return project(CITY)


def test_every_program_is_a_service(compose: Project) -> None:
    programs = set(access_table().programs) - BY_HAND - {"agent"}
    assert SERVERS | programs <= set(compose["services"])
    assert {one for s in compose["services"].values() for one in s["profiles"]} <= PROFILES


@pytest.mark.parametrize("profiles", [("core",), ("simulate",), ("dashboard",), ("observe",),
                                      ("operate",), ("core", "notify")])  # fmt: skip
def test_a_profile_brings_all_that_it_needs(profiles: tuple[str, ...]) -> None:
    assert project(DEMO, profiles)["services"]


def test_every_mounted_file_exists(compose: Project) -> None:
    for service in compose["services"].values():
        for path in mounted(service).values():
            assert path.exists() or ".local" in path.parts, path


def test_servers_read_the_files_of_the_local_stack(demo: Project, city: Project) -> None:
    for found, wanted in ((demo, LOCAL_STACK_READS), (city, CITY_READS)):
        servers = [found["services"][name] for name in SERVERS]
        files = {path for one in servers for path in mounted(one).values()}
        assert {path.relative_to(ROOT).as_posix() for path in files} >= wanted


def test_only_loopback_is_published_and_of_a_city_mqtt_by_tls(demo: Project, city: Project) -> None:
    ports = [port for one in demo["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port["host_ip"] == "127.0.0.1" for port in ports)
    published = {
        (name, port["target"])
        for name, one in city["services"].items()
        for port in one.get("ports", [])
    }
    assert published == {("mosquitto", 8883)}


def test_secrets_are_files_that_the_service_is_given(compose: Project) -> None:
    for name, service in compose["services"].items():
        given = {one["target"] for one in service.get("secrets", [])}
        folders = tuple(f"{target}/" for target in mounted(service))
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEYS|_CA$", variable):
                assert variable.endswith(("_FILE", "_FOLDER", "_CA")), f"{name}: {variable}"
                assert value in given or f"{value}/".startswith(folders), f"{name}: {value}"


def test_keys_and_passwords_lie_in_mounted_folders(compose: Project, tmp_path: Path) -> None:
    """A file that is mounted by itself stays what it was when another takes its name."""
    api, mosquitto = (compose["services"][name] for name in ("api", "mosquitto"))
    secrets = mounted(mosquitto)["/etc/cityhum/mosquitto"].parent
    file = Path(variables(api)["CITYHUM_API_KEYS_FILE"])
    folder = mounted(api)[str(file.parent)]
    assert (folder / file.name).relative_to(secrets) == keys_file(tmp_path).relative_to(tmp_path)


def test_each_service_logs_in_as_its_own_users(demo: Project, city: Project) -> None:
    programs = access_table().programs
    for name in set(programs) & set(demo["services"]) - {"dashboard", "api"}:
        users = programs[name]
        ours = variables(city["services"][name])
        assert ours.get("CITYHUM_MQTT_USER") == users.mqtt, name
        assert ours.get("CITYHUM_KAFKA_USER") == users.kafka, name
        assert ours.get("CITYHUM_POSTGRES_USER") == users.postgres, name
        assert not variables(demo["services"][name]).get("CITYHUM_KAFKA_USER"), name


def test_what_operators_run_reaches_its_servers(compose: Project) -> None:
    """As Kafka's administrator, and as the owner of what other users may only read."""
    programs = access_table().programs
    by_hand = [programs[name] for name in BY_HAND]
    networks = {"mqtt": "mqtt", "kafka": "log", "postgres": "store"}
    service = compose["services"][OPERATE]
    assert set(service["networks"]) == {
        networks[server] for users in by_hand for server, user in users if user
    }
    assert {users.kafka for users in by_hand} == {None, programs["topics"].kafka}
    ours, topics = variables(service), variables(compose["services"]["topics"])
    assert ours.get("CITYHUM_KAFKA_USER") == topics.get("CITYHUM_KAFKA_USER")
    assert ours["CITYHUM_POSTGRES_USER"] == programs["migrate"].postgres


def test_a_backup_is_made_by_the_server_s_own_programs(compose: Project) -> None:
    """Another version's dump is refused, or does not come back."""
    services = compose["services"]
    recipe = (ROOT / "deploy/images/Dockerfile").read_text(encoding="utf-8")
    (client,) = re.findall(r"^ARG POSTGRES=(\d+)$", recipe, flags=re.MULTILINE)
    assert services["postgres"]["image"].startswith(f"postgres:{client}.")
    assert services[OPERATE]["build"]["target"] == OPERATE


def limits_of_mosquitto(name: str) -> list[int]:
    """All values of a setting."""
    texts = [
        path.read_text(encoding="utf-8") for path in (ROOT / "deploy/mosquitto").glob("*.conf")
    ]
    return [int(one) for one in re.findall(rf"^{name} (\d+)$", "\n".join(texts), re.MULTILINE)]


def test_mosquitto_may_hold_what_its_settings_let_it(compose: Project) -> None:
    """Killed in a flood it would lose its queues, and again when everybody comes back."""
    service = compose["services"]["mosquitto"]
    (queued,) = limits_of_mosquitto("max_queued_bytes")
    assert int(service["mem_limit"]) > queued + 2**29
    connections = sum(limits_of_mosquitto("max_connections"))
    assert service["ulimits"]["nofile"] > connections + 1024


def test_each_service_is_shut_in(compose: Project) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(service[limit] for limit in ("cpus", "mem_limit", "pids_limit")), name
        assert service["logging"]["options"]["max-size"], name
        assert not service.get("privileged"), name
        is_root = service["user"].startswith("0")
        assert is_root == (name == ROOT_JOB), name
    root = compose["services"][ROOT_JOB]
    assert (root["cap_add"], root["network_mode"]) == (["CHOWN"], "none")


def test_what_runs_on_is_asked_how_it_is_and_started_again(compose: Project) -> None:
    for name, service in compose["services"].items():
        if is_job(service):
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name


def seconds(duration: str) -> float:
    """Of what Compose prints: 1m0s, 30s."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", duration)
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


def test_nobody_waits_long_for_the_first_word_that_a_service_is_healthy(compose: Project) -> None:
    """In a start period the engine asks every 5 s unless told; else after the whole interval."""
    for name, service in compose["services"].items():
        asks = service.get("healthcheck", {})
        if is_job(service) or asks.get("disable"):
            continue
        starting = seconds(asks.get("start_period", "0s"))
        first = seconds(asks.get("start_interval", "5s")) if starting else seconds(asks["interval"])
        assert first <= FIRST_PROBE_S, name


def test_no_container_runs_as_root_whoever_the_secrets_belong_to(tmp_path: Path) -> None:
    assert "user: 1000:1000" in asked("-f", DEMO[0], "--profile", "*", "config").stdout
    for owner in ("0", "root", ""):
        entrypoint = project(DEMO)["services"][ROOT_JOB]["entrypoint"][:-1]
        words = [word.replace("$$", "$") for word in entrypoint]
        given = subprocess.run(
            [*words, owner, tmp_path], capture_output=True, text=True, check=False
        )
        assert given.returncode == 2
        assert "no container runs as root" in given.stderr


def test_a_release_in_another_folder_is_the_same_city(compose: Project) -> None:
    assert compose["name"] == "cityhum"


def test_our_images_are_named_by_version_so_that_one_can_go_back() -> None:
    services = project(CITY, CITYHUM_VERSION="v7")["services"]
    ours = {name: one["image"] for name, one in services.items() if "build" in one}
    assert ours
    assert all(image.endswith(":v7") for image in ours.values()), ours


def test_whoever_is_not_asked_from_outside_has_no_way_out(compose: Project) -> None:
    networks = compose["networks"]
    inner = {name for name, one in networks.items() if one.get("internal")}
    for name in ("kafka", "postgres", "classify", "windows", "alerts", "archive", "migrate"):
        assert set(compose["services"][name]["networks"]) <= inner, name


def test_images_of_others_are_of_one_version(compose: Project) -> None:
    for name, service in compose["services"].items():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$|@sha256:", service["image"]), name


def test_every_command_and_variable_is_one_of_ours(compose: Project) -> None:
    prefix = DashboardSettings.model_config["env_prefix"]
    dashboard = {f"{prefix}{field}".upper() for field in DashboardSettings.model_fields}
    for name, service in compose["services"].items():
        assert set(variables(service)) <= environment.known() | dashboard, name
        if "build" in service and not service.get("entrypoint"):
            said = CliRunner().invoke(build(), [*service["command"], "--help"])
            assert said.exit_code == 0, f"{name}: {said.output}"


def test_every_role_of_postgresql_gets_its_password(demo: Project) -> None:
    given = {one["source"] for one in demo["services"]["postgres"]["secrets"]}
    assert given == {"postgres", *(f"cityhum_{role}" for role in ROLES)}
    script = (ROOT / "deploy/postgres/container-init.sh").read_text(encoding="utf-8")
    (named,) = re.findall(r"for role in (.*); do", script)
    assert tuple(named.split()) == ROLES


def test_shell_scripts_have_no_known_mistake() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.sh", ".ci"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    scripts = listed.stdout.split()
    assert scripts
    found = subprocess.run(
        [tool("shellcheck"), *scripts], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
