from __future__ import annotations

import sys

import pytest

from cli.output.browser import has_browser


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0", "CI": "true"}, True, False),
        ({"DISPLAY": ":0"}, False, False),
        ({"DISPLAY": ""}, True, sys.platform == "darwin"),
        ({}, True, sys.platform == "darwin"),
    ],
)
def test_a_browser_is_opened_only_for_somebody_in_front_of_a_screen(
    environment: dict[str, str], is_terminal: bool, expected: bool
) -> None:
    assert has_browser(environment, is_terminal=is_terminal) is expected
