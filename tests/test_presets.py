from __future__ import annotations

import pytest

from cinematic.tracking import (
    MOTION_MODELS,
    PATTERN_MATCHES,
    ParameterError,
    get_clean_params,
    get_detection_params,
    get_tracking_params,
    get_tracking_preset,
    list_tracking_presets,
)
from cinematic.tracking.presets import pattern_and_search_size, scaled_length
from cinematic.tracking.quality import CLEAN_ACTIONS


def test_the_presets_that_are_promised() -> None:
    promised = {"high_quality", "balanced", "fast", "architectural", "handheld", "aerial", "product"}
    assert promised <= set(list_tracking_presets())


@pytest.mark.parametrize("name", list_tracking_presets())
def test_every_preset_is_complete_and_in_range(name: str) -> None:
    detection, tracking, clean = get_detection_params(name), get_tracking_params(name), get_clean_params(name)
    assert set(detection) == {
        "threshold",
        "threshold_floor",
        "gradient",
        "gradient_floor",
        "min_features",
        "margin",
        "min_distance",
        "tracks_per_frame",
    }
    assert 0 < detection["threshold_floor"] <= detection["threshold"] <= 1
    assert tracking["motion_model"] in MOTION_MODELS
    assert tracking["pattern_match"] in PATTERN_MATCHES
    assert 0 <= tracking["correlation_min"] <= 1
    assert tracking["search_size"] > tracking["pattern_size"]
    assert clean["action"] in CLEAN_ACTIONS
    assert get_tracking_preset(name)["description"]


def test_balanced_wants_fifty_features() -> None:
    assert get_detection_params("balanced")["min_features"] == 50


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"high_quality, balanced.*got 'best'"):
        get_tracking_preset("best")


def test_a_caller_cannot_change_a_preset() -> None:
    get_detection_params("balanced")["threshold"] = 99
    assert get_detection_params("balanced")["threshold"] != 99


def test_lengths_follow_the_plate() -> None:
    assert scaled_length(60, 1920) == 60
    assert scaled_length(60, 640) == 20
    assert scaled_length(1, 64) == 1
    tracking = get_tracking_params("balanced")
    assert pattern_and_search_size(tracking, 640) == (21, 71)
    assert pattern_and_search_size(tracking, 3840) == (43, 143)
