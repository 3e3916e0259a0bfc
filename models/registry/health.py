"""Does MLflow answer us, and what is wrong if not: the same words for `/health` and the doctor."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from contracts.redaction import redacted
from contracts.settings import MlflowSettings


class RegistryTrouble(NamedTuple):
    """What is wrong with an MLflow server."""

    what: str
    """Follows "MLflow at ADDRESS "."""
    remedy: str


_BY_STATUS = {
    401: RegistryTrouble("refuses the user or password (401)", "check both in BUZZWATCH_MLFLOW__TRACKING_URI"),
    403: RegistryTrouble(
        "does not take requests for this host name (403)", "start it with --allowed-hosts that has this host name"
    ),
    404: RegistryTrouble("is no MLflow server (404)", "check the address in BUZZWATCH_MLFLOW__TRACKING_URI"),
}


def ask_version(settings: MlflowSettings, *, timeout_s: float) -> str | RegistryTrouble:
    """The version that the server says it has, or what is wrong. For addresses that begin with `http`."""
    try:
        answer = httpx.get(f"{settings.tracking_uri.rstrip('/')}/version", timeout=timeout_s, trust_env=False)
    except httpx.HTTPError as error:
        return RegistryTrouble(
            f"does not answer ({redacted(str(error)) or type(error).__name__})",
            "start it with `buzzwatch up` or set BUZZWATCH_MLFLOW__TRACKING_URI",
        )
    if answer.is_success:
        return answer.text.strip()[:20]
    status = answer.status_code
    return _BY_STATUS.get(status, RegistryTrouble(f"says {status}", "look at its log"))
