"""`/predict` and `/predict/batch` beside other ways to serve the same champion, and what is left of it in a crowd.

wrk sends invented tweets over loopback from the same machine, to one process (and its children) at a time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from bench.reporting.report import Goal, Report, figure
from bench.stage.peers import serving_python
from bench.stage.ports import free_ports
from bench.stage.processes import resident_mib
from bench.stage.programs import Program, explained, running
from bench.stage.site import Site
from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import ROOT, Settings

OURS: Final = "buzzwatch"
PEERS: Final = ("mlflow", "bentoml", "litserve")
BATCH: Final = 1000
_START_S: Final = 180.0
_BODIES: Final = 512
_UNITS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Load(NamedTuple):
    """What wrk saw of one server."""

    who: str
    connections: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failures: int
    """Answers of another status than 2xx."""
    resident_mib: float
    start_s: float
    """From its start to its first answer."""


class Batches(NamedTuple):
    """`/predict/batch`."""

    texts_per_s: float
    p99_ms: float
    failures: int


class CrowdResult(NamedTuple):
    """At three times what it can do; times in milliseconds."""

    rate: float
    served: int
    served_p99_ms: float | None
    refused: int
    refused_p99_ms: float | None
    without_retry_after: int
    other: int
    lost: int
    unsent: int
    sent_late_p99_ms: float | None
    """The sender's own fault, part of the times above."""
    sender_cores: float
    """What sending took of the processors that the API has, too."""


class Missing(NamedTuple):
    """What could not be measured here."""

    who: str
    why: str


class Result(NamedTuple):
    """Everything."""

    loads: list[Load]
    missing: list[Missing]
    batches: Batches
    crowd: CrowdResult


def run(site: Site, peers: Sequence[str], seconds: float, connections: int, progress: Callable[[str], None]) -> Result:
    """Measure the API, then each peer that runs here.

    Raises:
        BuzzwatchError: wrk is not installed, or the API does not start.
    """
    if shutil.which("wrk") is None:
        raise BuzzwatchError("the load comes from wrk: apt-get install wrk")
    settings = site.fresh()
    one, many = _script(site.folder, {"text": ""}), _script(site.folder, {"texts": []}, BATCH)
    loads: list[Load] = []
    missing: list[Missing] = []
    with _served(site, settings, OURS, _ours) as (program, port, start_s):
        progress(f"{OURS}: {connections} connections for {seconds:g} s")
        loads.append(_measured(OURS, program, port, "/predict", one, connections, seconds, start_s))
        progress(f"{OURS}: batches of {BATCH:,}")
        batch = _wrk(port, "/predict/batch", many, 4, seconds)
        rate = 3 * loads[0].requests_per_s
        progress(f"{OURS}: {rate:,.0f} requests a second, three times as many as it answers")
        crowd = _crowd(port, rate, seconds)
    commands = {"mlflow": _mlflow, "bentoml": _bentoml, "litserve": _litserve}
    for peer in peers:
        progress(f"{peer}: {connections} connections for {seconds:g} s")
        try:
            path, form = ("/invocations", {"inputs": [""]}) if peer == "mlflow" else ("/predict", {"text": ""})
            script = _script(site.folder, form)
            with _served(site, settings, peer, commands[peer]) as (program, port, start_s):
                loads.append(_measured(peer, program, port, path, script, connections, seconds, start_s))
        except Exception as error:  # whatever a peer does, the others are measured
            missing.append(Missing(peer, explained(error)))
    return Result(loads, missing, Batches(batch[0] * BATCH, batch[2], batch[3]), crowd)


def _ours(_site: Site, port: int) -> list[str]:
    return [sys.executable, "-m", "cli.main", "api", "--port", str(port)]


def _mlflow(site: Site, port: int) -> list[str]:
    """`mlflow models serve` of the artefact, as buzzwatch registers it."""
    from mlflow import pyfunc

    folder = site.folder / "pyfunc"
    if not folder.exists():
        loader = "training.registry.pyfunc_model"
        pyfunc.save_model(folder, loader_module=loader, data_path=str(_artefact()), pip_requirements=[])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder)]
    return [*command, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


def _bentoml(_site: Site, port: int) -> list[str]:
    command = [serving_python(), "-m", "bentoml", "serve", "bench.contenders.serving.serve_bentoml:Sentiment"]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


def _litserve(_site: Site, port: int) -> list[str]:
    return [serving_python(), "-m", "bench.contenders.serving.serve_litserve", str(port)]


def _artefact() -> Path:
    return Settings().artefact


@contextmanager
def _served(
    site: Site, settings: Settings, who: str, command: Callable[[Site, int], list[str]]
) -> Iterator[tuple[Program, int, float]]:
    """A server that answers: its process, port, and how long that took.

    Raises:
        BuzzwatchError: it ended, or did not answer in time.
    """
    [port] = free_ports(1)
    started = time.monotonic()
    more = {"BENCH_ARTEFACT": str(_artefact()), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(site.folder)}
    # mlflow starts a `uvicorn` by its name.
    more |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with running(site, settings, command(site, port), **more) as program:
        path, body = ("/invocations", {"inputs": ["hello"]}) if who == "mlflow" else ("/predict", {"text": "hello"})
        while not _answers(f"http://127.0.0.1:{port}{path}", body):
            if not program.is_alive or time.monotonic() - started > _START_S:
                raise BuzzwatchError(f"{who} does not answer: {program.complaint}")
            time.sleep(0.05)
        yield program, port, time.monotonic() - started


def _answers(url: str, body: dict[str, Any]) -> bool:
    try:
        return httpx.post(url, json=body, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _script(folder: Path, form: dict[str, Any], texts: int = 1) -> Path:
    """A script for wrk that posts invented tweets, each request others."""
    number = _BODIES if texts == 1 else 8
    sent = [json.loads(value)["text"] for _, value in tweets(number * texts)]
    bodies = []
    for at in range(0, number * texts, texts):
        some = sent[at : at + texts]
        body = {name: some if isinstance(empty, list) else some[0] for name, empty in form.items()}
        bodies.append(json.dumps(body, ensure_ascii=False))
    file = folder / f"wrk-{'-'.join(form)}-{texts}.lua"
    quoted = ",\n".join(f"[==[{body}]==]" for body in bodies)
    file.write_text(
        f"local bodies = {{\n{quoted}\n}}\nlocal at = 0\n"
        'local headers = {["content-type"] = "application/json"}\n'
        "function request()\n  at = at % #bodies + 1\n"
        '  return wrk.format("POST", nil, headers, bodies[at])\nend\n',
        encoding="utf-8",
    )
    return file


def _measured(
    who: str, program: Program, port: int, path: str, script: Path, connections: int, seconds: float, start_s: float
) -> Load:
    _wrk(port, path, script, connections, min(seconds, 2))  # warm
    rate, p50, p99, failures = _wrk(port, path, script, connections, seconds)
    return Load(who, connections, rate, p50, p99, failures, resident_mib(program.process.pid), start_s)


def _wrk(port: int, path: str, script: Path, connections: int, seconds: float) -> tuple[float, float, float, int]:
    """Requests a second, p50 and p99 in milliseconds, failures."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"]
    command += ["--timeout", "30s", "--latency", "--script", str(script), f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    found = re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s|m)\b", done.stdout)
    quantiles = {share: float(number) * _UNITS[unit] for share, number, unit in found}
    if rate is None or "99" not in quantiles:
        raise BuzzwatchError(f"wrk measured nothing: {(done.stderr or done.stdout).strip()[-300:]}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    failures = int(failed[1]) if failed else 0
    failures += sum(map(int, lost.groups())) if lost else 0
    return float(rate[1]), quantiles["50"], quantiles["99"], failures


def _crowd(port: int, rate: float, seconds: float) -> CrowdResult:
    command = [sys.executable, "-m", "bench.contenders.serving.http_load", "--port", str(port), "--rate", f"{rate:.0f}"]
    command += ["--seconds", f"{seconds:g}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 120, cwd=ROOT)
    if done.returncode:
        raise BuzzwatchError(f"the program that makes the load failed: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout)
    return CrowdResult(rate, **found)


def reports(result: Result) -> list[Report]:
    """Tables."""
    ours = result.loads[0].requests_per_s
    rows = [
        (
            one.who, f"{one.requests_per_s:,.0f}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.failures:,}",
            f"{one.resident_mib:,.0f}", f"{one.start_s:.1f}", f"{ours / one.requests_per_s:.1f} ×",
        )
        for one in result.loads
    ]  # fmt: skip
    columns = ("one text a request", "requests/s", "p50 ms", "p99 ms", "failed", "MiB", "start s", "buzzwatch is")
    notes = [f"{one.who}: {one.why}" for one in result.missing]
    crowd = result.crowd
    return [
        Report(
            f"Served over HTTP, {result.loads[0].connections} connections",
            columns,
            [*rows, *((one.who, "not measured", *[""] * 6) for one in result.missing)],
            [*(one._asdict() for one in result.loads), *(one._asdict() for one in result.missing)],
            notes,
        ),
        Report(
            f"/predict/batch, {BATCH:,} texts a request",
            ("texts/s", "p99 ms", "failed"),
            [(f"{result.batches.texts_per_s:,.0f}", f"{result.batches.p99_ms:.0f}", str(result.batches.failures))],
            result.batches._asdict(),
        ),
        Report(
            "In a crowd: three times as many requests as it answers",
            ("sent/s", "served", "their p99 ms", "refused", "their p99 ms", "no Retry-After", "else", "lost", "unsent"),
            [
                (
                    f"{crowd.rate:,.0f}", f"{crowd.served:,}", _shown(crowd.served_p99_ms), f"{crowd.refused:,}",
                    _shown(crowd.refused_p99_ms), str(crowd.without_retry_after), str(crowd.other), str(crowd.lost),
                    f"{crowd.unsent:,}",
                )
            ],
            crowd._asdict(),
            ["times count from when a request was due, also where the sender was late",
             "unsent: all connections waited for an answer",
             f"the sender was late by {_shown(crowd.sent_late_p99_ms)} ms (p99), took {crowd.sender_cores:g} cores"],
        ),
    ]  # fmt: skip


def _shown(number: float | None) -> str:
    return "" if number is None else figure(number)


def goals(result: Result) -> list[Goal]:
    """Those of docs/benchmarks.md."""
    ours, *others = result.loads
    found = [
        Goal("/predict", 2000, ours.requests_per_s, "requests/s"),
        Goal("/predict, p99", 20, ours.p99_ms, "ms", at_least=False),
        Goal("/predict/batch", 30_000, result.batches.texts_per_s, "texts/s"),
        Goal("start to first prediction", 2, ours.start_s, "s", at_least=False),
    ]
    fastest = max((one.requests_per_s for one in others), default=None)
    found.append(Goal("/predict beside the fastest peer", 3, fastest and ours.requests_per_s / fastest, "×"))
    crowd = result.crowd
    slower = None if crowd.served_p99_ms is None else crowd.served_p99_ms / ours.p99_ms
    found.append(Goal("served in a crowd, p99 beside alone", 2, slower, "×", at_least=False))
    found.append(Goal("refused in a crowd, p99", 5, crowd.refused_p99_ms, "ms", at_least=False))
    return found
