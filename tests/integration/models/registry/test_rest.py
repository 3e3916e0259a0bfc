from __future__ import annotations

import subprocess
import sys
from contextlib import closing

from contracts.settings import Settings
from models.registry.champion import Champion
from models.registry.rest import RestClient
from tests.integration.registering import Registering


def test_the_rest_call_finds_what_the_mlflow_package_finds(settings: Settings, registering: Registering) -> None:
    registering.promote(registering.version())
    registering.client.set_registered_model_alias(registering.name, "another", "1")
    asked = registering.client.get_model_version_by_alias(registering.name, "champion")
    with closing(RestClient(settings.mlflow.tracking_uri, 10)) as reader:
        read = reader.get_model_version_by_alias(registering.name, "champion")
    assert (read.version, read.source, read.creation_timestamp) == (
        str(asked.version),
        asked.source,
        asked.creation_timestamp,
    )
    assert set(read.aliases) | {"champion"} == set(asked.aliases) | {"champion"}


def test_following_the_alias_imports_no_mlflow_until_files_are_needed(
    settings: Settings, registering: Registering
) -> None:
    registering.promote(registering.version())
    Champion(settings).load()  # now it is in the cache
    script = (
        "import sys; from contracts.settings import Settings; from models.registry.champion import Champion;"
        "champion = Champion(Settings.model_validate_json(sys.argv[1])); champion.start(cached_first=True);"
        "champion.load(); champion.stop(); assert champion.registry_failure is None;"
        "print(champion.current.ref.version, 'mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, settings.model_dump_json()], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "False"]
