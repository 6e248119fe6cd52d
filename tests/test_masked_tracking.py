"""Masks and regions in detect_features and track_markers: the same on both kinds of clip and with both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cinematic.tracking import Clip, ParameterError, add_track, detect_features, get_detection_params, track_markers
from cinematic.tracking.coords import co_from_pixels, pixels_from_co
from cinematic.tracking.store import store_of
from tests.plates import write_sequence
from tests.test_conformance import KINDS, Kind
from tests.test_whole_shot import SIZE, Actor, markers_by_frame, markers_on, scene

COUNT = 16
FIRST = 1001
ACTOR = Actor(lambda index: 330 - 14 * index, width=60)  # comes in from the right, faster than the pan

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A plate with an actor, and its mask."""
    folder = tmp_path_factory.mktemp("crossed")
    plate = write_sequence(folder / "plate", ACTOR.before(scene(count=COUNT)), first=FIRST)
    return plate, write_sequence(folder / "mask", [ACTOR.matte(index) for index in range(COUNT)], first=FIRST)


def on_actor(places: np.ndarray, frame: int, reach: int = 0) -> np.ndarray:
    """(n,) Which of the places, px, are on the actor, or within ``reach`` px of it."""
    matte = cv2.dilate(ACTOR.matte(frame - FIRST), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    column, row = np.clip(np.rint(places).astype(int), 0, (SIZE[0] - 1, SIZE[1] - 1)).T
    return matte[row, column] > 0


def tracks_of(clip: Any) -> dict[str, Any]:
    return {track.name: track for track in store_of(clip).read()}


def entered(clip: Any) -> dict[str, int]:
    """Tracks that ended on the actor, and where: of those that were lost elsewhere, Blender mutes a marker, too."""
    ended = {name: (track, frames[0]) for name, track in tracks_of(clip).items() if (frames := muted_on_plate(track))}
    return {
        name: frame
        for name, (track, frame) in ended.items()
        if on_actor(pixels_from_co([track.muted[frame]], SIZE), frame, reach=4)[0]
    }


def muted_on_plate(track: Any) -> list[int]:
    """Blender mutes markers one frame beyond the plate's ends, too."""
    return sorted(frame for frame in track.muted if FIRST <= frame < FIRST + COUNT)


def test_no_feature_is_taken_up_on_a_mask(kind: Kind, crossed: tuple[Path, Path]) -> None:
    plate, mask = crossed
    frame = FIRST + 9
    free, masked = kind.open(plate), None
    everything = detect_features(free, frame=frame, min_distance=8, engine=kind.engine)
    assert on_actor(markers_on(free, frame), frame, reach=9).sum() > 5
    masked = kind.open(plate)
    created = detect_features(masked, frame=frame, min_distance=8, mask=mask, engine=kind.engine)
    places = markers_on(masked, frame)
    assert created == len(places) == len(tracks_of(masked))
    assert 30 < created < everything
    assert not on_actor(places, frame, reach=9).any()  # no pattern (21 px) lies on it


def test_the_threshold_is_lowered_by_what_masks_leave(kind: Kind, crossed: tuple[Path, Path]) -> None:
    """What was found where nothing is wanted does not count as enough."""
    plate, _ = crossed
    options: dict[str, Any] = {"min_distance": 8, "engine": kind.engine}
    params = get_detection_params("balanced")
    first = params["gradient" if kind.engine == "klt" else "threshold"]
    corner = {"regions": [(0.0, 0.0, 0.5, 0.5)]}
    once = detect_features(kind.open(plate), threshold=first, **corner, **options)
    assert once < params["min_features"]
    clip = kind.open(plate)
    assert detect_features(clip, **corner, **options) == len(tracks_of(clip)) > once
    left, top = pixels_from_co([(0.5, 0.5)], SIZE)[0]
    assert (markers_on(clip, FIRST) < (left - 10, np.inf)).all()
    assert (markers_on(clip, FIRST) > (0, top + 10)).all()


def test_a_track_ends_where_it_enters_a_mask(kind: Kind, crossed: tuple[Path, Path]) -> None:
    plate, mask = crossed
    clip = kind.open(plate)
    detect_features(clip, min_distance=8, mask=mask, engine=kind.engine)
    track_markers(clip, mask=mask, engine=kind.engine)
    markers = markers_by_frame(clip)
    for frame in range(FIRST, FIRST + COUNT):
        assert not on_actor(markers[frame], frame, reach=4).any()
    ended, tracks = entered(clip), tracks_of(clip)
    assert len(ended) > 10
    for name, frame in ended.items():
        assert sorted(tracks[name].markers) == list(range(FIRST, frame))
        if isinstance(clip, Clip):
            assert tracks[name].lost == {frame: "masked"}
    through = [name for name, track in tracks.items() if max(track.markers) == FIRST + COUNT - 1]
    assert len(through) > 10


def test_backwards_and_over_what_was_there_before(kind: Kind, crossed: tuple[Path, Path]) -> None:
    """What an earlier run without the mask has left goes, too."""
    plate, mask = crossed
    clip = kind.open(plate)
    last = FIRST + COUNT - 1
    detect_features(clip, frame=last, min_distance=8, engine=kind.engine)
    track_markers(clip, backwards=True, engine=kind.engine)
    started_on = {
        name
        for name, track in tracks_of(clip).items()
        if on_actor(pixels_from_co([track.markers[last]], SIZE), last)[0]
    }
    assert len(started_on) > 5
    track_markers(clip, backwards=True, mask=mask, engine=kind.engine)
    tracks, markers = tracks_of(clip), markers_by_frame(clip)
    for frame in range(FIRST, last):
        assert not on_actor(markers[frame], frame, reach=4).any()
    stopped = [name for name in started_on if list(tracks[name].markers) == [last]]  # set there: stays, goes no further
    assert sum(muted_on_plate(tracks[name]) == [last - 1] for name in stopped) > 3
    assert any(min(track.markers) == FIRST for track in tracks.values())


def test_the_counts_are_of_what_is_left(kind: Kind, crossed: tuple[Path, Path]) -> None:
    plate, _ = crossed
    clip = kind.open(plate)
    add_track(clip, FIRST, tuple(co_from_pixels((150, 30), SIZE)), "a")  # the pan takes it 4 px to the left a frame
    border = (150 - 4 * 6.5) / SIZE[0]
    result = track_markers(clip, regions=[(border - 5.25 / SIZE[0], 0, 1, 1)], engine=kind.engine)
    frames = sorted(tracks_of(clip)["a"].markers)
    assert frames == list(range(FIRST, frames[-1] + 1))
    assert frames[-1] in (FIRST + 6, FIRST + 7)
    assert result == {"tracks_count": 1, "frames_processed": len(frames), "status": "partial"}
    assert muted_on_plate(tracks_of(clip)["a"]) == [frames[-1] + 1]


def test_a_mask_that_does_not_fit_changes_nothing(kind: Kind, crossed: tuple[Path, Path], tmp_path: Path) -> None:
    plate, _ = crossed
    small = tmp_path / "small.png"
    assert cv2.imwrite(str(small), np.zeros((24, 32), np.uint8))
    clip = kind.open(plate)
    with pytest.raises(ParameterError, match="expected the mask to be 320x240 like the plate, got 32x24"):
        detect_features(clip, mask=small, engine=kind.engine)
    add_track(clip, FIRST, (0.5, 0.5), "a")
    with pytest.raises(ParameterError, match="a region"):
        track_markers(clip, regions=[(0, 0, 2, 1)], engine=kind.engine)
    assert {name: list(track.markers) for name, track in tracks_of(clip).items()} == {"a": [FIRST]}
