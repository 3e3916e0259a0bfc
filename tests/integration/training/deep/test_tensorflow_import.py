"""What TensorFlow says when it starts is not for users; anything else is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from training.deep.tensorflow_import import sifted_errors


def test_tensorflow_starts_without_a_word() -> None:
    command = (
        "from training.deep.tensorflow_import import import_tensorflow; import_tensorflow(); "
        "import keras; print(keras.backend.backend())"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("tensorflow\n", "")


def test_greetings_are_dropped_and_the_rest_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with sifted_errors() as terminal:
        os.write(2, b"I0000 00:00:1795252455.238013   24539 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"E0000 00:00:1795252455.238013   24539 x.cc:1] something is broken\n")
        terminal.write("a sign of life\n")
        terminal.flush()
        assert capfd.readouterr().err == "a sign of life\n"
    assert capfd.readouterr().err == "E0000 00:00:1795252455.238013   24539 x.cc:1] something is broken\n"


def test_when_it_fails_everything_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with sifted_errors():
            os.write(2, b"I0000 00:00:1795252455.238013   24539 port.cc:153] hello\n")
            raise ImportError("libfoo.so")

    with pytest.raises(ImportError):
        fail()
    assert "hello" in capfd.readouterr().err
