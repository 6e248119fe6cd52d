from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematic.tracking import FormatError, TrackData
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.types import MOTION_MODELS, PATTERN_MATCHES, ClipInfo, as_float32

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
frames = st.integers(-(2**31), 2**31)
areas = st.tuples(finite, finite, finite, finite)
tracks = st.builds(
    TrackData,
    name=st.text(max_size=20),
    markers=st.dictionaries(frames, st.tuples(finite, finite), max_size=8),
    enabled=st.booleans(),
    color=st.none() | st.tuples(finite, finite, finite),
    correlation=st.none() | finite,
    pattern_area=areas,
    search_area=areas,
    motion_model=st.sampled_from(MOTION_MODELS),
    pattern_match=st.sampled_from(PATTERN_MATCHES),
    correlation_min=finite,
    weight=finite,
    locked=st.booleans(),
    reference_frames=st.lists(frames, max_size=3),
    correlations=st.dictionaries(frames, finite, max_size=8),
)


@given(tracks)
def test_a_track_survives_json(track: TrackData) -> None:
    assert TrackData.from_dict(json.loads(json.dumps(track.to_dict()))) == track


def test_left_out_fields_get_their_defaults() -> None:
    assert TrackData.from_dict({"name": "a", "markers": {"3": [0.1, 0.2]}}) == TrackData("a", {3: (0.1, 0.2)})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "expected a track as a dict, got list"),
        ({"nmae": "x"}, "got nmae"),
        ({"name": 3}, "expected text, got 3"),
        ({"markers": {"1": [0.1]}}, "expected 2 numbers"),
        ({"markers": {"1": [0.1, float("nan")]}}, "finite number, got nan"),
        ({"markers": {"one": [0.1, 0.2]}}, "'one'"),
        ({"markers": [1, 2]}, "track 'Track'"),
        ({"color": "red"}, "expected 3 numbers, got 'red'"),
        ({"enabled": 1}, "expected true or false, got 1"),
        ({"weight": True}, "finite number, got True"),
        ({"correlations": {"1": None}}, "finite number, got None"),
    ],
)
def test_a_broken_track_says_why(data: Any, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        TrackData.from_dict(data)
    assert reason in str(caught.value)


CLIP = ClipInfo("/plates/shot.1001.exr", 1920, 1080, None, 1001, 1050, 2.0, (-64, -36))


def test_tracks_json_round_trip(tmp_path: Any) -> None:
    written = [TrackData("ü 1", {1001: (0.25, -0.5)}), TrackData("empty")]
    cinetrack.write(tmp_path / "tracks.json", CLIP, written)
    assert cinetrack.read(tmp_path / "tracks.json") == (CLIP, written)
    document = json.loads((tmp_path / "tracks.json").read_text(encoding="utf-8"))
    assert document["format"] == "cinetrack"
    assert document["version"] == 1
    assert document["clip"]["frame_start"] == 1001


def test_what_is_as_usual_may_be_left_out(tmp_path: Any) -> None:
    path = tmp_path / "tracks.json"
    cinetrack.write(path, CLIP, [])
    path.write_text(path.read_text().replace(',"pixel_aspect":2.0,"corner":[-64,-36]', ""))
    clip, _ = cinetrack.read(path)
    assert (clip.pixel_aspect, clip.corner) == (1.0, (0, 0))


def test_a_failed_write_leaves_the_file_that_was_there(tmp_path: Any) -> None:
    path = tmp_path / "tracks.json"
    path.write_text("mine")
    with pytest.raises(ValueError, match="JSON"):
        cinetrack.write(path, CLIP, [TrackData("a", {1: (float("nan"), 0.0)})])
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[: len(text) // 2], "expected JSON"),
        (lambda text: text.replace('"version":1', '"version":2'), "expected version 1"),
        (lambda text: text.replace('"cinetrack"', '"other"'), 'expected "format"'),
        (lambda text: text.replace('"width":1920', '"width":"wide"'), "width 'wide'"),
        (lambda text: text.replace("[-64,-36]", "[-64.5,-36]"), "corner [-64.5, -36]"),
        (lambda text: text.replace("[-64,-36]", '"here"'), "corner 'here'"),
        (lambda text: text.replace("0.25", "NaN"), "finite number"),
        (lambda text: "[]", 'expected "format"'),
    ],
)
def test_a_broken_file_says_why(tmp_path: Any, change: Any, reason: str) -> None:
    path = tmp_path / "tracks.json"
    cinetrack.write(path, CLIP, [TrackData("a", {1001: (0.25, 0.5)})])
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError) as caught:
        cinetrack.read(path)
    assert reason in str(caught.value)
    assert "tracks.json" in str(caught.value)


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_single_precision_as_the_shortest_decimals(values: list[float]) -> None:
    """Text has them, too; numbers in place of text are five times as fast, and must not differ."""
    assert as_float32(values) == [float(str(np.float32(value))) for value in values]
