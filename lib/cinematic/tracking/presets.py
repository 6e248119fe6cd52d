"""Named parameter sets, kept as data in ``presets.yaml`` beside this file."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from .errors import ParameterError

REFERENCE_WIDTH = 1920
"""Plate width, px, for which the presets' lengths are given."""


def list_tracking_presets() -> list[str]:
    """The presets' names, in the order of the file."""
    return list(_presets())


def get_tracking_preset(name: str) -> dict[str, Any]:
    """A preset: ``{"description", "detection", "tracking", "clean", "limits"}``; a copy that is the caller's to change.

    Raises
    ------
    ParameterError
        There is no preset of that name; the message lists those there are.
    """
    presets = _presets()
    if not isinstance(name, str) or name not in presets:
        raise ParameterError(f"expected a preset, one of {', '.join(presets)}; got {name!r}")
    return copy.deepcopy(presets[name])


def get_detection_params(name: str) -> dict[str, Any]:
    """What a preset says of detection: see the head of ``presets.yaml`` (px at 1920 px width)."""
    return get_tracking_preset(name)["detection"]


def get_tracking_params(name: str) -> dict[str, Any]:
    """``motion_model, pattern_match, correlation_min, pattern_size, search_size, normalize`` of a preset."""
    return get_tracking_preset(name)["tracking"]


def get_clean_params(name: str) -> dict[str, Any]:
    """``frames, error, action`` of a preset: the arguments of ``clean_low_quality_tracks``."""
    return get_tracking_preset(name)["clean"]


def larger_than_usual(width: float) -> float:
    """By how much a plate so wide is larger than what lengths in pixels are meant for; 1 up to 1920 px."""
    return max(1.0, width / REFERENCE_WIDTH)


def scaled_length(length: float, width: int) -> int:
    """A preset's length (px at 1920) on a plate that is ``width`` px wide: whole px, at least 1."""
    return max(1, round(length * width / REFERENCE_WIDTH))


def pattern_and_search_size(tracking: dict[str, Any], width: int) -> tuple[int, int]:
    """Sides of pattern and search area, px, of a preset's ``tracking`` part on a plate ``width`` px wide.

    They grow on plates wider than 1920 px and keep their pixels on smaller ones: those are a pattern's
    information, and a small plate moves as fast as a large one does.
    """
    larger = larger_than_usual(width)
    pattern, search = (round(larger * tracking[key]) for key in ("pattern_size", "search_size"))
    return pattern | 1, search | 1  # odd: a pattern has a centre pixel


@cache
def _presets() -> dict[str, dict[str, Any]]:
    import yaml  # what is not needed to import the package does not make its start longer

    return yaml.safe_load(Path(__file__).with_name("presets.yaml").read_text(encoding="utf-8"))
