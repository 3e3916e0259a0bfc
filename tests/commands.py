"""`buzzwatch` commands, and workers, in processes forked from one which has imported and compiled what they need.

A command is a process of its own, with arguments, environment, folder, standard streams and exit status of its own, as
from a shell; only its imports, a second or two of processor time, are not repeated. Tests of how a process starts, of
terminals, closed pipes and signals start the installed program instead.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from contracts.settings import ROOT, Settings
from local.die_with_parent import die_with_parent

_IMPORTED: Final = (
    *("cli.main", "cli.output.console", "cli.alerts.commands", "cli.stack.doctor", "cli.stack.rules"),
    *("cli.stream.consume", "cli.stream.dlq", "cli.stream.feedback", "cli.stream.predict", "cli.stream.produce"),
    *("cli.stream.topics", "cli.learning.labels", "cli.training.data", "cli.training.evaluate", "cli.training.models"),
    *("alerts.backtest.bad_buzz", "httpx", "mlflow", "training.data.profile_report"),
)
"""Also by commands that need a part of it only."""
TRAINING: Final = (
    *("cli.training.train", "sklearn.feature_extraction.text", "sklearn.linear_model", "tensorflow"),
    *("training.deep.export.register", "training.deep.runs.recurrent", "training.evaluation.plots"),
)
"""For `imported` of the commands that train, twelve seconds more."""
RUNNING: Final = ("bootstrap.notifier", "bootstrap.prepare", "bootstrap.worker", "faust.cli.faust", "faust.cli.worker")
"""For `imported` of workers and notifiers."""
WORKER: Final = ("faust", "-A", "stream.app", "worker")
"""Instead of a command's arguments: the one process of ours that is not started by `buzzwatch`."""
_STREAMS: Final = 3
"""Input, output, errors."""


class Command:
    """A `buzzwatch` command that runs, or a worker; it ends with this process.

    Args:
        log: what it writes is appended to this file.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str],
        text: bytes = b"",
        cwd: Path | None = None,
        imported: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> None:
        self.arguments = ["buzzwatch", *arguments]
        request = json.dumps({"arguments": arguments, "env": dict(env), "cwd": str(cwd or Path.cwd())}).encode()
        read, write = os.pipe()
        self._output, self._errors = _kept_output(log), _kept_output(log)
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.settimeout(300)
        self._asked.connect(str(_parent(imported)))
        socket.send_fds(self._asked, [request], [read, self._output.fileno(), self._errors.fileno()])
        os.close(read)
        self._asked.shutdown(socket.SHUT_WR)
        threading.Thread(target=_feed, args=(write, text), daemon=True).start()
        self._answers = self._asked.makefile("r")
        self._process = int(self._answers.readline())

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return not select.select([self._asked], [], [], 0)[0]

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self._process, how)

    def end(self, timeout: float = 300) -> subprocess.CompletedProcess[bytes]:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was killed.
        """
        self._asked.settimeout(timeout)
        with self._asked, self._answers, self._output, self._errors:
            try:
                status = int(self._answers.readline())
            except TimeoutError:
                self.kill()
                raise subprocess.TimeoutExpired(self.arguments, timeout) from None
            self._output.seek(0)
            self._errors.seek(0)
            return subprocess.CompletedProcess(self.arguments, status, self._output.read(), self._errors.read())


def run(
    *arguments: str,
    env: Mapping[str, str],
    text: bytes = b"",
    cwd: Path | None = None,
    timeout: float = 300,
    imported: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[bytes]:
    """`buzzwatch ARGUMENTS` with this environment and standard input, to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was killed.
    """
    return Command(*arguments, env=env, text=text, cwd=cwd, imported=imported).end(timeout)


def said(
    *arguments: str, env: Mapping[str, str], text: str = "", cwd: Path | None = None, imported: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """The same with text instead of bytes."""
    done = run(*arguments, env=env, text=text.encode(), cwd=cwd, imported=imported)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def _kept_output(log: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile() if log is None else log.open("a+b")


def _feed(pipe: int, text: bytes) -> None:
    try:
        with os.fdopen(pipe, "wb") as given:
            given.write(text)
    except BrokenPipeError:
        pass  # it has read enough


@functools.cache
def _parent(imported: tuple[str, ...]) -> Path:
    """Where the process listens from which commands are forked that need these modules, too; it ends with this one."""
    folder = tempfile.TemporaryDirectory()
    place = Path(folder.name) / "commands"
    command = die_with_parent([sys.executable, "-m", "tests.commands", str(place), *imported])
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    atexit.register(folder.cleanup)
    atexit.register(process.wait)
    atexit.register(process.kill)
    deadline = time.monotonic() + 300
    while not place.exists():
        assert process.poll() is None, "see what it has written"
        assert time.monotonic() < deadline, "not within 300 s"
        time.sleep(0.02)
    return place


def _serve(place: Path, imported: Sequence[str]) -> None:
    for name in (*_IMPORTED, *imported):
        importlib.import_module(name)
    importlib.import_module("bootstrap.compile").compile_scoring(Settings())  # loads what has been compiled
    gc.collect()
    gc.freeze()  # the children share these pages
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place.with_suffix(".new")))
        listening.listen(64)
        place.with_suffix(".new").rename(place)
        while True:
            asked, _ = listening.accept()
            if os.fork() == 0:  # this one waits for the command and tells its status
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                _answer(asked)
                return
            asked.close()


def _end_with_parent(how: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(1, int(how))  # PR_SET_PDEATHSIG, as in `local/die_with_parent.py`


def _answer(asked: socket.socket) -> None:
    """Returns in the command alone, when that has ended."""
    _end_with_parent(signal.SIGKILL)
    request, streams, _, _ = socket.recv_fds(asked, 65_536, _STREAMS)
    while more := asked.recv(65_536):
        request += more
    process = os.fork()
    if process == 0:
        asked.close()
        _end_with_parent(signal.SIGTERM)
        _become(json.loads(request), streams)
        return
    for stream in streams:
        os.close(stream)
    asked.sendall(f"{process}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    asked.sendall(f"{status}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)  # without what an interpreter does at its end


def _become(request: dict[str, Any], streams: list[int]) -> None:
    from cli.main import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(request["env"])
    if tuple(request["arguments"]) == WORKER:
        from faust.cli.faust import cli

        sys.argv = list(WORKER)
        cli()
    else:
        sys.argv = ["buzzwatch", *request["arguments"]]
        main()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2:])
