"""The compose stack, as far as it can be held to anything without Docker."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
from ruamel.yaml import YAML

from dashboards.__main__ import cli as dashboards_cli
from service.__main__ import GRACEFUL_SHUTDOWN_SECONDS
from service.__main__ import cli as service_cli
from service.settings import Settings

ROOT = Path(__file__).parents[3]
STACK = ROOT / "dashboards" / "stack"
BOARDS_IN_GRAFANA = "/etc/glasshouse/boards"
PROGRAMS = {"service": service_cli, "dashboards": dashboards_cli}
ONCE = ("secrets", "migrate", "seed")
WITHOUT_HEALTHCHECK = {
    "tempo": "nothing in its image could ask",
    "redis-exporter": "nothing in its image could ask",
    "traffic": "nobody waits for it",
}
AS_ITS_IMAGE_SAYS = {
    "api": "the Dockerfile's user",
    "worker": "the Dockerfile's user",
    "secrets": "the Dockerfile's user",
    "migrate": "the Dockerfile's user",
    "seed": "the Dockerfile's user",
    "traffic": "the Dockerfile's user",
    "alerts": "the Dockerfile's user",
    "prometheus": "nobody",
    "alertmanager": "nobody",
    "grafana": "472",
    "tempo": "10001",
    "postgres-exporter": "nobody",
    "redis-exporter": "59000",
}


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path)
    return found


COMPOSE = loaded(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts() -> Iterator[tuple[str, str, str]]:
    """Service, what is mounted, and where."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            yield name, source, target


def dockerfile() -> list[list[str]]:
    """Its instructions, in words."""
    return [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1].isupper()]


def stages() -> set[str]:
    return {words[3] for words in dockerfile() if words[0] == "FROM"}


def test_it_is_what_the_specification_of_compose_allows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_each_file_that_is_mounted_exists_and_each_volume_is_declared() -> None:
    for name, source, _ in mounts():
        if source.startswith("."):
            assert (ROOT / source).exists(), name
        else:
            assert source in COMPOSE["volumes"], name


def test_each_image_has_an_exact_tag() -> None:
    images = [service["image"] for service in SERVICES.values()]
    bases = [words[1] for words in dockerfile() if words[0] == "FROM" and words[1] not in stages()]
    for image in (*images, *bases):
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z.0-9-]+)?$", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert ("user" in service) != (name in AS_ITS_IMAGE_SAYS)


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ONCE])
def test_each_service_that_goes_on_says_whether_it_is_well(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) != (name in WITHOUT_HEALTHCHECK)


def grace(name: str) -> float:
    """Seconds from SIGTERM to SIGKILL."""
    return float(SERVICES[name]["stop_grace_period"].removesuffix("s"))


def test_whoever_is_stopped_has_the_time_it_takes_to_end() -> None:
    margin = 5
    drain = float(SERVICES["api"]["environment"]["DRAIN_SECONDS"])
    assert grace("api") >= drain + GRACEFUL_SHUTDOWN_SECONDS + margin
    jobs = Settings.model_fields["worker_drain_seconds"].default
    assert "WORKER_DRAIN_SECONDS" not in SERVICES["worker"]["environment"]
    assert grace("worker") >= jobs + margin


def test_nothing_is_published_beyond_this_machine() -> None:
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_whoever_is_waited_for_exists_and_can_become_what_is_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                assert other in ONCE, name
            else:
                assert "healthcheck" in SERVICES[other], name


def commands() -> Iterator[tuple[str, list[str]]]:
    for name, service in SERVICES.items():
        if "build" in service:
            yield name, service["command"]


def test_each_command_of_ours_exists() -> None:
    for name, command in commands():
        match command:
            case ["python", "-m", "locust", "-f", path, *_]:
                assert (ROOT / path).is_file(), name
            case ["python", "-m", program, subcommand, *_]:
                assert subcommand in typer.main.get_group(PROGRAMS[program]).commands, name
            case [script]:
                assert os.access(STACK / script, os.X_OK), name


def test_each_image_of_ours_is_a_stage_of_the_dockerfile() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            assert service["build"]["target"] in stages(), name


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")]
    for words in dockerfile():
        if words[0] == "COPY" and not any(word.startswith("--from") for word in words):
            for source in [word for word in words[1:-1] if not word.startswith("--")]:
                assert (ROOT / source).exists(), source
                assert any(Path(source).is_relative_to(each) for each in sent), source


def test_our_images_run_as_nobody_in_particular_and_from_locked_dependencies() -> None:
    final = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    stage, users = "", {}
    for words in dockerfile():
        if words[0] == "FROM":
            stage = words[3]
        elif words[0] == "USER":
            users[stage] = words[1]
        elif words[:4] == ["RUN", "uv", "pip", "install"]:
            assert words[-2:] == ["--constraint", "requirements.lock"]
    assert users == dict.fromkeys(final, "10001:10001")


def test_prometheus_is_told_to_keep_exemplars_and_enough_history() -> None:
    assert set(SERVICES["prometheus"]["command"]) >= {
        "--enable-feature=exemplar-storage",
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=40d",
    }


def hosts() -> set[str]:
    """Whom the configurations call."""
    prometheus, alertmanager = loaded(STACK / "prometheus.yml"), loaded(STACK / "alertmanager.yml")
    found = set(re.findall(r"\[?\"?([a-z-]+):\d+\"?\]?", str(prometheus)))
    found |= {
        name
        for job in prometheus["scrape_configs"]
        for dns in job.get("dns_sd_configs", ())
        for name in dns["names"]
    }
    found |= {
        str(urlsplit(webhook["url"]).hostname)
        for receiver in alertmanager["receivers"]
        for webhook in receiver["webhook_configs"]
    }
    found |= {
        str(urlsplit(each["url"]).hostname)
        for each in loaded(STACK / "grafana/datasources.yml")["datasources"]
    }
    found |= {
        str(urlsplit(each["url"]).hostname)
        for each in loaded(STACK / "tempo/tempo.yml")["metrics_generator"]["storage"]["remote_write"]
    }
    return found - {"localhost"}


def test_each_host_that_a_configuration_calls_is_a_service() -> None:
    assert hosts() == {
        "alertmanager",
        "alerts",
        "api",
        "postgres-exporter",
        "prometheus",
        "redis-exporter",
        "tempo",
        "worker",
    }
    assert hosts() <= set(SERVICES)


def test_the_rules_are_where_prometheus_looks_for_them() -> None:
    (pattern,) = loaded(STACK / "prometheus.yml")["rule_files"]
    targets = {target: source for name, source, target in mounts() if name == "prometheus"}
    (config,) = (target for target in targets if target.endswith("prometheus.yml"))
    folder = os.path.normpath(Path(config).parent / Path(pattern).parent)
    assert list((ROOT / targets[folder]).glob(Path(pattern).name))


def test_grafana_opens_with_the_overview_for_everybody() -> None:
    environment = SERVICES["grafana"]["environment"]
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    (boards,) = (
        source for name, source, target in mounts() if name == "grafana" and target == BOARDS_IN_GRAFANA
    )
    assert (ROOT / boards / home.relative_to(BOARDS_IN_GRAFANA)).is_file()
    (provider,) = loaded(STACK / "grafana/dashboards.yml")["providers"]
    assert provider["options"]["path"] == BOARDS_IN_GRAFANA
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_metrics_lead_to_traces_and_traces_to_metrics() -> None:
    sources = {each["uid"]: each for each in loaded(STACK / "grafana/datasources.yml")["datasources"]}
    assert set(sources) == {"prometheus", "tempo", "alertmanager"}
    (exemplar,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert exemplar["datasourceUid"] == "tempo"
    assert exemplar["name"] == "trace_id"
    back = sources["tempo"]["jsonData"]["tracesToMetrics"]
    assert (
        back["datasourceUid"] == sources["tempo"]["jsonData"]["serviceMap"]["datasourceUid"] == "prometheus"
    )
    # Grafana fills in variables of its own in these files: `$$` is a `$`.
    assert not any(
        re.search(r"(?<!\$)\$(?!\$)", query["query"].replace("$$", "")) for query in back["queries"]
    )
