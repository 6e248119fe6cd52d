"""Frames that show the one before again are told from cameras that are slow, stop or turn back."""

import numpy as np
import pytest

from cinematic.tracking import TrackData
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.readiness import readiness
from cinematic.tracking.repeated_frames import repeated_frames
from cinematic.tracking.types import Verdict
from tests.test_epipolar import tracks as projected

SIZE = (960, 540)


def filmed(shown: list[int], pace: float = 1.0, noise: float = 0.03) -> list[TrackData]:
    """40 tracks of a camera that moves by some 9 px a frame at pace 1; frame i + 1 shows moment ``shown[i]``."""
    rng = np.random.default_rng(1)
    points = rng.uniform((-3, -2, 6), (3, 2, 14), (40, 3))
    moments = projected(points, np.array([0.06, 0.01, 0.03]), noise=0.0)
    moments = moments[:, :1] + pace * (moments - moments[:, :1])
    positions = moments[:, shown] + rng.normal(0, noise, (40, len(shown), 2))
    return [
        TrackData(f"t{row}", {f + 1: tuple(co_from_pixels(p, SIZE)) for f, p in enumerate(track)})
        for row, track in enumerate(positions)
    ]


@pytest.mark.parametrize(
    ("shown", "repeated"),
    [
        (list(range(25)), ()),
        ([0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9, 10], (5, 10)),  # 24 frames a second shown as 30
        ([0, 1, 1, 2, 2, 3, 3, 4, 4, 5], (3, 5, 7, 9)),  # on twos
        ([0, 1, 1, 1, 2, 3], (3, 4)),
        ([0, 1, 2, 3, 3, 5, 6], (5,)),  # frame 5 was dropped, and 4 shown in its place
        ([0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 5, 6], ()),  # a camera that rests
        ([0, 1, 2, 3, 4, 4, 3, 2, 1, 0], ()),  # and one that turns back
        ([4, 4, 5, 6, 7, 8, 8], ()),  # nothing is known of what was before, or comes
    ],
)
def test_frames_that_repeat_are_found(shown: list[int], repeated: tuple[int, ...]) -> None:
    assert repeated_frames(filmed(shown), SIZE) == repeated


def test_of_a_slow_camera_nothing_is_said() -> None:
    assert repeated_frames(filmed([0, 1, 2, 3, 3, 4, 5, 6], pace=0.05), SIZE) == ()


def test_nothing_is_said_of_few_tracks_or_none() -> None:
    assert repeated_frames(filmed([0, 1, 2, 3, 3, 4, 5, 6])[:7], SIZE) == ()
    assert repeated_frames([], SIZE) == ()
    assert repeated_frames([TrackData("one", {3: (0.5, 0.5)})], SIZE) == ()


def test_readiness_tells_of_them() -> None:
    tracks = filmed([0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9, 10])
    verdicts = [Verdict(track.name, "good", (), 0.0) for track in tracks]
    ready = readiness(tracks, verdicts, range(1, 14), SIZE)
    assert any(
        reason.startswith("2 of 13 frames repeat the one before, the first of them 5") for reason in ready.reasons
    )
