from __future__ import annotations

import os
from pathlib import Path

from bootstrap.compiling import is_compiled


def test_a_changed_file_with_compiled_functions_is_compiled_again(tmp_path: Path) -> None:
    kernel, plain = tmp_path / "models" / "text" / "kernel.py", tmp_path / "stream" / "plain.py"
    for file, text in ((kernel, "import x\n@compiled\ndef f(): ...\n"), (plain, "def f(): ...\n")):
        file.parent.mkdir(parents=True)
        file.write_text(text)
        os.utime(file, (1000, 1000))
    stamp = tmp_path / ".compiled"
    assert not is_compiled(tmp_path, stamp)
    stamp.touch()
    assert is_compiled(tmp_path, stamp)
    newer = stamp.stat().st_mtime + 1
    os.utime(plain, (newer, newer))
    assert is_compiled(tmp_path, stamp)
    os.utime(kernel, (newer, newer))
    assert not is_compiled(tmp_path, stamp)
