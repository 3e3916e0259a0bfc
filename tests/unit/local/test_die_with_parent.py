from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.die_with_parent import die_with_parent
from tests.waiting import until

PARENT = """
import subprocess, sys, time
from local.die_with_parent import die_with_parent
child = subprocess.Popen(die_with_parent(["sleep", "600"]), start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_process_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0])
        parent.kill()
    until(lambda: not _runs(child), said=lambda: "it outlived its parent")


def _runs(pid: int) -> bool:
    try:  # a zombie that nobody has buried yet has ended all the same
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_is_not_there_is_one_line() -> None:
    done = subprocess.run(die_with_parent(["no-such-command"]), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "no-such-command cannot be started: No such file or directory\n"


def test_arguments_and_environment_come_through_as_they_are() -> None:
    show = "import os, sys; print(sys.argv[1:], os.environ['MARK'])"
    awkward = ["a b", "c;d", "%(here)s", "#e", "'f'"]
    environment = {**os.environ, "MARK": "ä"}
    command = die_with_parent([sys.executable, "-c", show, *awkward])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{awkward} ä\n"
