"""How much tracks count in a camera solve: by how much their markers scatter. On both kinds of clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import TrackData, judge_with_motion, weigh_tracks
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.judge import judge_scene
from cinematic.tracking.store import store_of
from cinematic.tracking.weights import LEAST_WEIGHT, track_weights
from tests.scenes import SIZE, empty_movie, path, scene
from tests.test_cleaning import KINDS, Opened

FRAMES, TRACKS = 24, 120
NOISE = np.where(np.arange(TRACKS) < TRACKS // 3, 0.05, 0.2)  # px; of each track's markers
LOCKED, BY_HAND, OFF, CHOSEN, SHIFTED = range(5)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("weights") / "shot.mp4", FRAMES)


def noisy_tracks() -> list[TrackData]:
    """A scene's tracks, a third of them four times as exact as the others."""
    seen = scene(path(FRAMES), TRACKS, noise=0.0)
    positions = seen.positions + np.random.default_rng(7).normal(0, NOISE[:, None, None], seen.positions.shape)
    positions[SHIFTED] += (0.3, 0.0)  # another point, as exact
    tracks = [
        TrackData(
            f"t{row}",
            {int(f) + 1: tuple(co_from_pixels(track[f], SIZE)) for f in np.flatnonzero(np.isfinite(track[:, 0]))},
            # known, so that nothing is measured in the footage, which is grey
            correlations={int(f) + 1: 0.99 for f in np.flatnonzero(np.isfinite(track[:, 0]))[1:]},
        )
        for row, track in enumerate(positions)
    ]
    for track in tracks:
        track.reference_frames = [min(track.markers)]
    tracks[LOCKED].locked = True
    tracks[BY_HAND].by_hand = True
    tracks[CHOSEN].weight = 0.5
    return tracks


@pytest.mark.parametrize("opened", KINDS)
def test_tracks_count_by_how_exact_they_are(opened: Opened, footage: Path) -> None:
    clip = opened(footage, noisy_tracks())
    store = store_of(clip)
    store.disable([f"t{OFF}"])
    motion = judge_scene(store.read(), SIZE)[1]
    weights = weigh_tracks(clip, motion=motion)
    tracks = store.read()
    held = {track.name: track.weight for track in tracks}
    whole = [row for row in range(5, TRACKS) if len(tracks[row].markers) >= 12]
    exact = [held[f"t{row}"] for row in whole if NOISE[row] < 0.1]
    others = [held[f"t{row}"] for row in whole if NOISE[row] > 0.1]
    assert min(exact) > max(others)
    assert np.median(exact) > 0.85
    assert 0.2 < np.median(others) < 0.5  # four times the scatter
    assert held[f"t{SHIFTED}"] > max(others)  # what is off by the same everywhere does not scatter
    assert {name: held[name] for name in weights} == pytest.approx(weights)
    assert not {f"t{row}" for row in (LOCKED, BY_HAND, OFF, CHOSEN)} & set(weights)
    assert [held[f"t{row}"] for row in (LOCKED, BY_HAND, OFF, CHOSEN)] == [1.0, 1.0, 1.0, 0.5]
    assert weigh_tracks(clip, motion=motion).keys() <= {n for n, w in weights.items() if w == 1.0}  # never twice


def test_the_motion_is_found_where_it_is_not_given(footage: Path) -> None:
    tracks = noisy_tracks()
    clip = KINDS[0].values[0](footage, tracks)
    motion = judge_with_motion(clip)[1]
    expected = track_weights([t for row, t in enumerate(tracks) if row not in (LOCKED, BY_HAND, CHOSEN)], SIZE, motion)
    assert weigh_tracks(clip) == expected


def test_a_few_markers_hardly_tell() -> None:
    tracks = noisy_tracks()
    motion = judge_scene(tracks, SIZE)[1]
    short = [track for row, track in enumerate(tracks) if NOISE[row] > 0.1 and len(track.markers) >= 12][:20]
    for track in short:
        track.drop(sorted(track.markers)[2:])
    weights = track_weights(tracks, SIZE, motion)
    assert max(weights[track.name] for track in short) < 0.8  # two markers agree by chance
    assert min(weights.values()) >= LEAST_WEIGHT


def test_without_a_camera_each_counts_the_same(footage: Path) -> None:
    clip: Any = KINDS[0].values[0](footage, noisy_tracks()[:6])
    assert weigh_tracks(clip) == {}
    assert {track.weight for track in clip.tracks} == {1.0, 0.5}
