"""What was found about one component."""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["ok", "warning", "broken"]


class Finding(NamedTuple):
    """One line of the doctor's report."""

    component: str
    status: Status
    version: str
    detail: str
    remedy: str
    """What to do about it; empty when all is well."""

    @classmethod
    def fine(cls, detail: str, version: str = "") -> Finding:
        """Nothing to do."""
        return cls("", "ok", version, detail, "")

    @classmethod
    def doubtful(cls, detail: str, version: str = "", remedy: str = "") -> Finding:
        """It works, and promises less than it should."""
        return cls("", "warning", version, detail, remedy)

    @classmethod
    def broken(cls, detail: str, version: str = "", remedy: str = "") -> Finding:
        """It is needed and does not work."""
        return cls("", "broken", version, detail, remedy)
