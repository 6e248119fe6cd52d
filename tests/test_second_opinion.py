"""Other windows around a track's feature: a second opinion on its path."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking import Clip, TrackData, judge_tracks
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.judge import judge
from cinematic.tracking.other_windows import ask_other_windows
from cinematic.tracking.scene_motion import positions_within
from cinematic.tracking.second_opinion import Apart, apart_from
from tests.plates import smooth_texture, write_sequence

SIZE = (320, 240)
STEP = np.array([2.0, 1.0])  # px by which the scene moves to the left, and up, from frame to frame
COUNT = 24
STARTS = np.array([[200.0, 160.0], [240.0, 120.0], [180.0, 200.0], [270.0, 180.0], [150.0, 150.0], [220.0, 90.0]])


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    width, height = SIZE
    texture = smooth_texture((height + COUNT, width + 2 * COUNT), 5)
    views = [texture[i:, 2 * i :][:height, :width] for i in range(COUNT)]
    return write_sequence(tmp_path_factory.mktemp("plate"), [np.round(view).astype(np.uint8) for view in views])


def tracks_of(plate: Path, reference: int = 0) -> tuple[Clip, list[TrackData], np.ndarray]:
    """The clip, exact tracks of it, whose reference markers are in frame index ``reference``, and their places."""
    clip = Clip.open(plate)
    first = clip.footage.numbers.first
    places = STARTS[:, None] - STEP * np.arange(COUNT)[:, None]
    return clip, [a_track(f"t{row}", each, first, reference) for row, each in enumerate(places)], places


def a_track(name: str, places: np.ndarray, first: int, reference: int) -> TrackData:
    markers = {first + i: (x, y) for i, (x, y) in enumerate(co_from_pixels(places, SIZE).tolist())}
    return TrackData(
        name=name, markers=markers, pattern_area=(-10.5, -10.5, 21, 21), reference_frames=[first + reference]
    )


def asked(clip: Clip, tracks: list[TrackData], reference: int = 0, count: int = COUNT) -> Apart:
    first = clip.footage.numbers.first
    said = ask_other_windows(tracks, np.full(len(tracks), first + reference), first, count, footage=clip.footage)
    return apart_from(said, positions_within(tracks, SIZE, first, count), first)


@pytest.mark.parametrize("reference", [0, 9, COUNT - 1])
def test_of_right_tracks_they_say_the_same(plate: Path, reference: int) -> None:
    clip, tracks, _ = tracks_of(plate, reference)
    apart = asked(clip, tracks, reference)
    others = np.arange(COUNT) != reference
    assert np.isnan(apart.distance[:, reference]).all()
    assert apart.distance[:, others].max() < 0.1
    assert np.abs(apart.offset[:, others]).max() < 0.1


def test_how_far_a_marker_has_drifted_is_what_they_say(plate: Path) -> None:
    clip, tracks, places = tracks_of(plate)
    drift = np.outer(np.arange(COUNT), [0.15, -0.1])
    tracks[2] = a_track("t2", places[2] + drift, clip.footage.numbers.first, 0)
    apart = asked(clip, tracks)
    np.testing.assert_allclose(apart.offset[2, 1:], drift[1:], atol=0.1)
    np.testing.assert_allclose(apart.distance[2, 1:], np.linalg.norm(drift[1:], axis=1), atol=0.1)
    assert np.delete(apart.distance, 2, axis=0)[:, 1:].max() < 0.1


def test_nothing_is_said_where_there_is_no_marker_no_reference_and_no_footage(plate: Path) -> None:
    clip, tracks, _ = tracks_of(plate)
    first = clip.footage.numbers.first
    for frame in range(first + 5, first + 9):
        del tracks[0].markers[frame]  # a gap
    del tracks[1].markers[first]  # the reference marker
    tracks[3].markers[first + COUNT] = (0.5, 0.5)  # beyond the footage
    tracks[4].markers = {first: tracks[4].markers[first]}
    tracks[5].markers = {}
    apart = asked(clip, tracks, count=COUNT + 1)
    assert np.isnan(apart.distance[0, [0, 5, 6, 7, 8]]).all()
    assert apart.distance[0, 9:-1].max() < 0.1
    assert np.isnan(apart.distance[[1, 4, 5]]).all()
    assert np.isnan(apart.distance[3, -1])
    assert apart.distance[3, 1:-1].max() < 0.1


def test_a_bad_frame_that_all_tracks_were_carried_over_does_not_stop_them(tmp_path: Path, plate: Path) -> None:
    clip, tracks, _ = tracks_of(plate)
    first = clip.footage.numbers.first
    frames = [np.round(255 * clip.footage.frame(first + i)).astype(np.uint8) for i in range(COUNT)]
    frames[10][:] = 255
    for track in tracks:
        del track.markers[first + 10]
    flash = Clip.open(write_sequence(tmp_path / "flash", frames))
    assert flash.footage.numbers.first == first
    apart = asked(flash, tracks)
    assert apart.distance[:, [*range(1, 10), *range(11, COUNT)]].max() < 0.1


def test_patterns_of_all_sizes_are_asked_about(plate: Path) -> None:
    clip, tracks, _ = tracks_of(plate)
    for track, side in zip(tracks, (5, 11, 21, 41, 81, 101), strict=True):
        track.pattern_area = (-side / 2, -side / 2, side, side)
    assert np.isfinite(asked(clip, tracks).distance[:, 1]).all()


def test_it_finds_what_no_camera_can_tell(plate: Path) -> None:
    clip, tracks, places = tracks_of(plate)  # too few for a camera, or for pairs of frames
    drift = np.outer(np.arange(COUNT), [0.12, 0.0])
    tracks[2] = a_track("t2", places[2] + drift, clip.footage.numbers.first, 0)
    assert {verdict.verdict for verdict in judge(tracks, SIZE)} == {"good"}
    found = judge(tracks, SIZE, second_opinion=partial(ask_other_windows, footage=clip.footage))
    assert [verdict.verdict for verdict in found] == ["good", "good", "bad", "good", "good", "good"]
    bad = found[2]
    assert bad.reasons[0] == "drifting"
    assert bad.measures["second_opinion_px"] == pytest.approx(0.9 * 0.12 * COUNT, abs=0.2)
    assert max(bad.curves["off what other windows say, px"]) == max(tracks[2].markers)
    assert bad.curves["off the scene's motion, px"] == {}
    wrong = [frame for frame in tracks[2].markers if 0.12 * (frame - min(tracks[2].markers)) > 0.75]
    assert set(wrong) <= set(bad.bad_markers)
    clip = Clip(clip.footage, tracks)
    assert [verdict.verdict for verdict in judge_tracks(clip)] == [verdict.verdict for verdict in found]
