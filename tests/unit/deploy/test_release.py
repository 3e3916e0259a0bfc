"""The delivery workflow: nothing is published that was not tested, nothing runs that is not pinned."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from contracts.settings import ROOT
from docs.generator.operating.licences import licences_page


@pytest.fixture(scope="module")
def release() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "release.yml")
    return loaded


def test_every_action_is_pinned_by_commit_with_its_version() -> None:
    files = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert {file.name for file in files} >= {"ci.yml", "release.yml"}
    used = [action for file in files for action in re.findall(r"uses: (.+)", file.read_text())]
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", one)] == []


def test_nothing_is_published_before_the_tests_pass(release: dict[str, Any]) -> None:
    assert release["jobs"]["publish"]["needs"] == "test"
    assert release["jobs"]["test"]["steps"][-1] == {"run": ".ci/run"}
    assert release["on"] == {"push": {"tags": ["v*"]}}


def test_every_image_is_scanned_before_it_is_published(release: dict[str, Any]) -> None:
    steps = release["jobs"]["publish"]["steps"]
    pushing = next(number for number, step in enumerate(steps) if "docker push" in step.get("run", ""))
    scanned = [step["with"]["image"] for step in steps[:pushing] if "scan-action@" in step.get("uses", "")]
    built = re.findall(r'--tag "([^"]+)"', "\n".join(step.get("run", "") for step in steps))
    assert [
        one.replace("${{ env.IMAGE }}", "$IMAGE").replace("${{ env.VERSION }}", "$VERSION") for one in scanned
    ] == built


def test_only_what_publishes_may_write(release: dict[str, Any]) -> None:
    assert release["permissions"] == {"contents": "read"}
    assert "permissions" not in release["jobs"]["test"]
    assert set(release["jobs"]["publish"]["permissions"]) == {"contents", "packages", "id-token"}


def test_targets_of_make_and_images_that_it_names_are_there(release: dict[str, Any]) -> None:
    commands = "\n".join(step.get("run", "") for step in release["jobs"]["publish"]["steps"])
    makefile = (ROOT / "Makefile").read_text()
    for targets in re.findall(r"^make (.+)$", commands, re.MULTILINE):
        assert all(f"\n{target}:" in makefile for target in targets.split())
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert all(f" AS {target}\n" in dockerfile for target in re.findall(r"--target (\w+)", commands))


def test_no_package_of_the_images_binds_what_is_built_with_it() -> None:
    found = licences_page()
    assert "not stated" not in found
    assert re.findall(r"\| [^|]*\b(?:A?GPL|GNU (?:Affero )?General)\b[^|]*\|", found) == []
