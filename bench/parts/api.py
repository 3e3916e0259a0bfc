"""`/predict` and `/predict/batch` beside other ways to serve the same champion, and what is left of it in a crowd.

wrk sends invented tweets over loopback from the same machine, to one process (and its children) at a time. How soon it
is ready after its start, and whether its memory stays flat, are measured without peers.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

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
PARTS: Final = ("start", "load", "batch", "crowd", "peers", "memory")
STARTS: Final = 5
BATCH: Final = 1000
_START_S: Final = 180.0
_BODIES: Final = 512
_BYTE_CODE: Final = {"PYTHONDONTWRITEBYTECODE": ""}
"""What is imported is compiled once, as in an image, also where the shell asks for no files."""
_SAMPLE_S: Final = 1.0
_WARM: Final = 0.1
"""Part of the time after which caches and queues have their size; flatness is judged behind it."""
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


class Memory(NamedTuple):
    """Resident memory under load, MiB."""

    seconds: float
    requests_per_s: float
    samples: list[float]
    """One a second, those of the warm-up left out."""

    @property
    def drift(self) -> float:
        """How far it strays from its middle, as a share of it."""
        low, high = min(self.samples), max(self.samples)
        return (high - low) / (high + low)


class Missing(NamedTuple):
    """What could not be measured here."""

    who: str
    why: str


class Wanted(NamedTuple):
    """What to measure."""

    parts: frozenset[str]
    """Of `PARTS`; a crowd and peers need `load`, which is then measured too."""
    peers: Sequence[str]
    seconds: float
    connections: int
    memory_s: float


class Result(NamedTuple):
    """Everything that was asked for."""

    starts_s: list[float]
    """From the start of the process to its first 200 of `/readyz`; each with the pages of its files in the cache."""
    loads: list[Load]
    missing: list[Missing]
    batches: Batches | None
    crowd: CrowdResult | None
    memory: Memory | None


def run(site: Site, wanted: Wanted, progress: Callable[[str], None]) -> Result:
    """Measure the API, then each peer that runs here.

    Raises:
        BuzzwatchError: wrk is not installed, or the API does not start.
    """
    if shutil.which("wrk") is None:
        raise BuzzwatchError("the load comes from wrk: apt-get install wrk")
    settings, parts = site.fresh(), wanted.parts
    starts = _starts(site, settings, progress) if "start" in parts else []
    loads: list[Load] = []
    missing: list[Missing] = []
    batches = crowd = memory = None
    if parts & {"load", "batch", "crowd", "peers"}:
        with _served(site, settings, OURS, _ours) as (program, port, start_s):
            if parts & {"load", "crowd", "peers"}:
                loads.append(_loaded(site, OURS, program, port, wanted, start_s, progress))
            if "batch" in parts:
                progress(f"{OURS}: batches of {BATCH:,}")
                rate, _, p99, failures = _wrk(
                    port, "/predict/batch", _script(site.folder, {"texts": []}, BATCH), 4, wanted.seconds
                )
                batches = Batches(rate * BATCH, p99, failures)
            if "crowd" in parts:
                rate = 3 * loads[0].requests_per_s
                progress(f"{OURS}: {rate:,.0f} requests a second, three times as many as it answers")
                crowd = _crowd(port, rate, wanted.seconds)
    if "memory" in parts:
        memory = _memory(site, settings, wanted, progress)
    commands = {"mlflow": _mlflow, "bentoml": _bentoml, "litserve": _litserve}
    for peer in wanted.peers if "peers" in parts else ():
        try:
            with _served(site, settings, peer, commands[peer]) as (program, port, start_s):
                loads.append(_loaded(site, peer, program, port, wanted, start_s, progress))
        except Exception as error:  # whatever a peer does, the others are measured
            missing.append(Missing(peer, explained(error)))
    return Result(starts, loads, missing, batches, crowd, memory)


def _starts(site: Site, settings: Settings, progress: Callable[[str], None]) -> list[float]:
    """Start it again and again; the first start, which fills the page cache, does not count."""
    taken = []
    for _ in range(STARTS + 1):
        [port] = free_ports(1)
        since = time.monotonic()
        with running(site, settings, _ours(site, port), **_BYTE_CODE) as program:
            while not _is_ready(port):
                if not program.is_alive or time.monotonic() - since > _START_S:
                    raise BuzzwatchError(f"{OURS} does not answer: {program.complaint}")
                time.sleep(0.01)
            taken.append(time.monotonic() - since)
    progress(f"{OURS}: ready after {', '.join(f'{one:.2f}' for one in taken[1:])} s")
    return taken[1:]


def _is_ready(port: int) -> bool:
    """A question that takes no time of the processors that the API starts on."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
    except OSError:
        return False
    return status == 200


def _memory(site: Site, settings: Settings, wanted: Wanted, progress: Callable[[str], None]) -> Memory:
    """One text a request, without a pause."""
    progress(f"{OURS}: memory under load for {wanted.memory_s:,.0f} s")
    script = _script(site.folder, {"text": ""})
    samples: list[float] = []
    with _served(site, settings, OURS, _ours) as (program, port, _), ThreadPoolExecutor(1) as pool:
        load = pool.submit(_wrk, port, "/predict", script, wanted.connections, wanted.memory_s)
        while not load.done():
            samples.append(resident_mib(program.process.pid))
            time.sleep(_SAMPLE_S)
        rate, *_ = load.result()
    return Memory(wanted.memory_s, rate, samples[int(len(samples) * _WARM) :])


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
    more |= _BYTE_CODE
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


def _loaded(
    site: Site,
    who: str,
    program: Program,
    port: int,
    wanted: Wanted,
    start_s: float,
    progress: Callable[[str], None],
) -> Load:
    path, form = ("/invocations", {"inputs": [""]}) if who == "mlflow" else ("/predict", {"text": ""})
    progress(f"{who}: {wanted.connections} connections for {wanted.seconds:g} s")
    script = _script(site.folder, form)
    _wrk(port, path, script, wanted.connections, min(wanted.seconds, 2))  # warm
    rate, p50, p99, failures = _wrk(port, path, script, wanted.connections, wanted.seconds)
    return Load(who, wanted.connections, rate, p50, p99, failures, resident_mib(program.process.pid), start_s)


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
