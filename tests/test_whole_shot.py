"""auto_track: whole shots on both kinds of clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    Coverage,
    FormatError,
    ParameterError,
    Progress,
    TrackData,
    add_track,
    auto_track,
    detect_features,
    track_markers,
)
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.coverage import Look
from cinematic.tracking.store import store_of
from tests.plates import smooth_texture, write_movie, write_sequence
from tests.test_conformance import loaded_into_blender

SIZE = (320, 240)
STEP = (4, 1)  # px by which the scene moves to the left, and up, from frame to frame
COUNT = 40

OPENERS = [
    pytest.param(Clip.open, id="clip"),
    pytest.param(loaded_into_blender, id="blender", marks=pytest.mark.blender),
]


def scene(seed: int = 1, count: int = COUNT) -> list[np.ndarray]:
    """A pan: what is seen on the first frame has left the picture long before the last."""
    width, height = SIZE
    texture = smooth_texture((height + STEP[1] * count + 8, width + STEP[0] * count + 8), seed)
    views = [texture[STEP[1] * i :, STEP[0] * i :][:height, :width] for i in range(count)]
    return [np.clip(np.round(view), 0, 255).astype(np.uint8) for view in views]


@dataclass(frozen=True)
class Actor:
    """A thing that crosses the picture, with a texture of its own."""

    left: Callable[[int], int]  # of the frame's index
    width: int = 70

    def matte(self, index: int) -> np.ndarray:
        matte = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        left = self.left(index)
        matte[60:200, max(0, left) : max(0, left + self.width)] = 255
        return matte

    def before(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        skin = np.round(smooth_texture((SIZE[1], self.width), 99)).astype(np.uint8)
        shown = []
        for index, frame in enumerate(frames):
            wide = np.zeros((SIZE[1], SIZE[0] + 2 * 400), np.uint8)
            wide[:, 400 + self.left(index) :][:, : self.width] = skin
            shown.append(np.where(self.matte(index) > 0, wide[:, 400:-400], frame))
        return shown


def missed(clip: Any) -> np.ndarray:
    """(n,) By how many px the markers miss where the scene took the reference one of their track."""
    found = []
    for track in store_of(clip).read():
        frames = np.array(sorted(track.markers))
        pixels = pixels_from_co([track.markers[frame] for frame in frames], SIZE)
        reference = int(np.searchsorted(frames, track.reference_frames[0]))
        truth = pixels[reference] - np.outer(frames - frames[reference], STEP)
        found.append(np.delete(np.linalg.norm(pixels - truth, axis=1), reference))
    return np.concatenate(found)


def markers_by_frame(clip: Any) -> dict[int, np.ndarray]:
    """(n, 2) px on each frame that has any."""
    places = defaultdict(list)
    for track in store_of(clip).read():
        for frame, place in track.markers.items():
            places[frame].append(place)
    return {frame: pixels_from_co(found, SIZE) for frame, found in places.items()}


def markers_on(clip: Any, frame: int) -> np.ndarray:
    return markers_by_frame(clip).get(frame, np.zeros((0, 2)))


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("pan") / "pan.mp4", scene())


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A plate with an actor that walks through it fast, and its mask."""
    folder = tmp_path_factory.mktemp("crossed")
    actor = Actor(lambda index: -90 + 14 * index)
    plate = write_sequence(folder / "plate", actor.before(scene()))
    mask = write_sequence(folder / "mask", [actor.matte(index) for index in range(COUNT)])
    return plate, mask


@pytest.mark.parametrize("opened", OPENERS)
def test_every_frame_is_covered(opened: Callable[[Path], Any], pan: Path) -> None:
    clip = opened(pan)
    seen: list[Progress] = []
    coverage = auto_track(clip, on_progress=seen.append)
    tracks = store_of(clip).read()
    assert coverage.tracks == len(tracks)
    assert coverage.tracks_per_frame == {
        frame: sum(frame in track.markers for track in tracks) for frame in range(1, COUNT + 1)
    }
    assert min(coverage.tracks_per_frame.values()) >= 60
    assert min(coverage.covered.values()) >= 0.7
    assert (coverage.thin_frames, coverage.cuts, coverage.bad_frames) == ({}, (), ())
    assert coverage.median_life == np.median([len(track.markers) for track in tracks])
    errors = missed(clip)
    assert np.median(errors) < 0.05
    assert (errors < 0.5).mean() > 0.995
    assert [progress.done for progress in seen] == list(range(1, 2 * COUNT + 1))
    assert {progress.total for progress in seen} == {2 * COUNT}
    assert [progress.frame for progress in seen] == [*range(1, COUNT + 1), *range(COUNT, 0, -1)]
    assert all(len(track.markers) >= 5 for track in tracks)
    assert len({track.name for track in tracks}) == len(tracks)
    assert all(set(track.reference_frames) <= set(track.markers) for track in tracks)


def test_it_beats_what_detecting_once_leaves_at_the_end(pan: Path) -> None:
    once, whole = Clip.open(pan), Clip.open(pan)
    detect_features(once, min_distance=14)
    track_markers(once)
    coverage = auto_track(whole)
    assert len(markers_on(once, 1)) >= 60
    assert len(markers_on(once, COUNT)) < 0.6 * len(markers_on(once, 1))
    assert coverage.tracks_per_frame[COUNT] >= 0.9 * len(markers_on(once, 1))


def test_gaps_are_looked_into_more_often_than_frames_are_covered() -> None:
    look = Look(np.ones(100, bool), excluded=0.0)
    live = np.full(100, 2)
    assert not look.wants(live, 5, 150, of_gaps=True)  # there are none
    live[:10] = 0
    assert look.wants(live, 2, 150, of_gaps=True)
    assert not look.wants(live, 2, 150, of_gaps=False)
    assert look.wants(live, 5, 150, of_gaps=False)


def test_tracks_are_spread_evenly(pan: Path) -> None:
    clip = Clip.open(pan)
    auto_track(clip, tracks_per_frame=60)
    for frame in range(1, COUNT + 1, 5):
        columns = np.clip(markers_on(clip, frame)[:, 0] // 80, 0, 3)
        counts = np.bincount(columns.astype(int), minlength=4)
        assert counts.min() > 0.4 * counts.max()


def test_the_number_asked_for_is_what_there_is(pan: Path) -> None:
    counts = {}
    for asked in (30, 90):
        coverage = auto_track(Clip.open(pan), tracks_per_frame=asked)
        counts[asked] = np.array(list(coverage.tracks_per_frame.values()))
        assert counts[asked].min() >= 0.7 * asked
    assert np.median(counts[30]) < 0.6 * np.median(counts[90])


@pytest.mark.parametrize("opened", OPENERS)
def test_a_feature_that_comes_back_goes_on_in_its_track(
    opened: Callable[[Path], Any], crossed: tuple[Path, Path]
) -> None:
    plate, _ = crossed
    clip = opened(plate)
    coverage = auto_track(clip)
    tracks = store_of(clip).read()
    with_gap = [track for track in tracks if np.diff(sorted(track.markers)).max() > 1]
    assert len(with_gap) >= 10
    assert coverage.joined > 0
    behind = 0
    for track in with_gap:
        frames = np.array(sorted(track.markers))
        pixels = pixels_from_co([track.markers[frame] for frame in frames], SIZE)
        truth = pixels[0] - np.outer(frames - frames[0], STEP)
        behind += bool(np.linalg.norm(pixels - truth, axis=1).max() > 1.0)
    assert behind <= 0.1 * len(with_gap)


@pytest.mark.parametrize("opened", OPENERS)
def test_nothing_is_tracked_on_a_mask(opened: Callable[[Path], Any], crossed: tuple[Path, Path]) -> None:
    plate, mask = crossed
    actor = Actor(lambda index: -90 + 14 * index)
    free, masked = Clip.open(plate), opened(plate)
    auto_track(free)
    auto_track(masked, mask=mask)

    def on_actor(clip: Any) -> int:
        count = 0
        for frame, markers in markers_by_frame(clip).items():
            places = np.clip(np.rint(markers).astype(int), 0, (SIZE[0] - 1, SIZE[1] - 1))
            count += int((actor.matte(frame - 1001)[places[:, 1], places[:, 0]] > 0).sum())
        return count

    assert on_actor(free) > 100
    assert on_actor(masked) == 0
    assert (missed(masked) < 1.0).mean() > 0.999
    muted = [track for track in store_of(masked).read() if track.muted]
    assert len(muted) > 10
    if isinstance(masked, Clip):
        for track in muted:
            assert all(track.lost[frame] == "masked" for frame in track.muted)
            assert not set(track.muted) & set(track.markers)


def test_a_mask_of_the_other_polarity_and_a_region(crossed: tuple[Path, Path], tmp_path: Path) -> None:
    plate, mask = crossed
    actor = Actor(lambda index: -90 + 14 * index)
    inverse = write_sequence(tmp_path / "inverse", [255 - actor.matte(index) for index in range(COUNT)])
    one, other, part = Clip.open(plate), Clip.open(plate), Clip.open(plate)
    assert auto_track(one, mask=mask) == auto_track(other, mask_keep=inverse)
    assert [t.to_dict() for t in one.tracks] == [t.to_dict() for t in other.tracks]
    auto_track(part, regions=[(0.0, 0.5, 1.0, 1.0)])
    places = np.concatenate(list(markers_by_frame(part).values()))
    assert len(places) > 500
    assert places[:, 1].max() < 120


@pytest.mark.parametrize("opened", OPENERS)
def test_tracks_end_at_a_cut(opened: Callable[[Path], Any], tmp_path: Path) -> None:
    clip = opened(write_movie(tmp_path / "cut.mp4", scene(1, 20) + scene(2, 20)))
    coverage = auto_track(clip)
    assert coverage.cuts == (21,)
    tracks = store_of(clip).read()
    assert not [track for track in tracks if min(track.markers) < 21 <= max(track.markers)]
    assert min(coverage.tracks_per_frame.values()) >= 50
    if isinstance(clip, Clip):
        ends = [track.lost.get(21) for track in tracks if max(track.markers) == 20]
        begins = [track.lost.get(20) for track in tracks if min(track.markers) == 21]
        assert len(ends) > 50
        assert set(ends) == {"cut"}
        assert len(begins) > 50
        assert set(begins) == {"cut"}


@pytest.mark.parametrize("cut", [False, True])
def test_what_comes_into_view_at_the_very_end_of_a_shot_is_covered(cut: bool, tmp_path: Path) -> None:
    frames = [scene()[0]] * (COUNT - 5)  # a camera that stands still: hardly a reason to look again
    frames = [np.where(np.arange(SIZE[0]) < 160, frame, 128).astype(np.uint8) for frame in frames] + scene()[:1] * 5
    clip = Clip.open(write_movie(tmp_path / "late.mp4", frames + (scene(2) if cut else [])))
    coverage = auto_track(clip, tracks_per_frame=40)
    assert coverage.cuts == ((COUNT + 1,) if cut else ())
    late = [track for track in clip.tracks if COUNT in track.markers and track.markers[COUNT][0] > 0.55]
    assert len(late) >= 10
    assert coverage.covered[COUNT] >= 0.9
    assert all(list(track.markers) == list(range(COUNT - 4, COUNT + 1)) for track in late)
    if cut:
        assert {track.lost.get(COUNT + 1) for track in late} == {"cut"}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("spoil", [np.zeros_like, lambda frame: np.maximum(frame, 252)], ids=["black", "flash"])
def test_tracks_are_carried_over_bad_frames(spoil: Callable[[Any], Any], count: int, tmp_path: Path) -> None:
    frames = scene()
    for index in range(19, 19 + count):
        frames[index] = spoil(frames[index])
    clip = Clip.open(write_movie(tmp_path / "flash.mp4", frames))
    coverage = auto_track(clip)
    bad = range(20, 20 + count)
    assert (coverage.cuts, coverage.bad_frames, coverage.repeated_frames) == ((), tuple(bad), ())
    assert [coverage.tracks_per_frame[frame] for frame in bad] == [0] * count
    assert coverage.thin_frames == dict.fromkeys(bad, "bad frame, tracks have no marker on it")
    before = [track for track in clip.tracks if 19 in track.markers and 12 in track.markers]
    assert len(before) > 50
    assert np.mean([bad.stop in track.markers for track in before]) > 0.8
    assert (missed(clip) < 0.5).mean() > 0.99


def test_tracks_end_at_a_cut_that_bad_frames_cover(tmp_path: Path) -> None:
    frames = scene(1, 20) + scene(2, 20)
    frames[19], frames[20] = np.maximum(frames[19], 252), np.zeros_like(frames[20])
    clip = Clip.open(write_movie(tmp_path / "covered.mp4", frames))
    coverage = auto_track(clip)
    assert (coverage.cuts, coverage.bad_frames) == ((22,), (20, 21))
    assert not [track for track in clip.tracks if min(track.markers) < 22 <= max(track.markers)]
    assert {track.lost.get(20) for track in clip.tracks if max(track.markers) == 19} == {"cut"}
    assert {track.lost.get(21) for track in clip.tracks if min(track.markers) == 22} == {"cut"}


def test_frames_without_texture_are_named_with_the_reason(tmp_path: Path) -> None:
    frames = scene()
    for index, frame in enumerate(frames):
        frame[:, max(0, SIZE[0] - 16 * index) :] = 128
    clip = Clip.open(write_movie(tmp_path / "wall.mp4", frames))
    coverage = auto_track(clip)
    assert set(range(25, COUNT + 1)) <= set(coverage.thin_frames)
    assert 1 not in coverage.thin_frames
    assert coverage.thin_frames[30].startswith("texture in ")
    assert coverage.tracks_per_frame[COUNT] == 0
    flat = Clip.open(write_movie(tmp_path / "flat.mp4", [np.full((120, 160), 128, np.uint8)] * 8))
    nothing = auto_track(flat)
    assert (nothing.tracks, nothing.median_life, set(nothing.thin_frames)) == (0, 0.0, set(range(1, 9)))
    assert len(flat.tracks) == 0


def test_part_of_a_plate(crossed: tuple[Path, Path]) -> None:
    clip = Clip.open(crossed[0])
    coverage = auto_track(clip, frame_start=1010, frame_end=1020)
    assert list(coverage.tracks_per_frame) == list(range(1010, 1021))
    frames = {frame for track in clip.tracks for frame in track.markers}
    assert frames == set(range(1010, 1021))


@pytest.mark.parametrize("opened", OPENERS)
def test_tracks_that_are_there_stay_and_are_kept_away_from(opened: Callable[[Path], Any], pan: Path) -> None:
    clip = opened(pan)
    add_track(clip, 1, (0.5, 0.5), "Track")
    mine = store_of(clip).read()[0].to_dict()
    coverage = auto_track(clip)
    tracks = store_of(clip).read()
    assert tracks[0].to_dict() == mine
    assert coverage.tracks == len(tracks) - 1
    others = pixels_from_co([t.markers[1] for t in tracks[1:] if t.reference_frames == [1]], SIZE)
    assert np.linalg.norm(others - pixels_from_co((0.5, 0.5), SIZE), axis=1).min() >= 9


def test_the_result_is_the_same_on_any_number_of_threads(crossed: tuple[Path, Path]) -> None:
    results = []
    for threads in (1, 3):
        clip = Clip.open(crossed[0])
        results.append((auto_track(clip, threads=threads), [track.to_dict() for track in clip.tracks]))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "libmv"}, "expected engine klt: with libmv use detect_features"),
        ({"engine": "magic"}, "engine to be one of klt, libmv"),
        ({"preset": "best"}, "expected a preset"),
        ({"tracks_per_frame": 0}, "tracks_per_frame from 1 to 10000"),
        ({"frame_end": 99}, "frame_end within 1-40, got 99"),
        ({"frame_start": 9, "frame_end": 9}, "below frame_end"),
        ({"mask": 3}, "expected mask as a path"),
        ({"regions": [(0, 0, 2, 1)]}, "region"),
        ({"resume": True}, "expected a checkpoint to resume from"),
    ],
)
@pytest.mark.parametrize("opened", OPENERS)
def test_wrong_arguments_change_nothing(
    opened: Callable[[Path], Any], pan: Path, options: dict[str, Any], words: str
) -> None:
    clip = opened(pan)
    with pytest.raises(ParameterError) as caught:
        auto_track(clip, **options)
    assert words in str(caught.value)
    assert store_of(clip).read() == []


class Stopped(Exception):
    """What a caller may raise to end a run."""


def stopping_after(frames: int) -> Callable[[Progress], None]:
    count = 0

    def check(_progress: Progress) -> None:
        nonlocal count
        count += 1
        if count == frames:
            raise Stopped

    return check


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pan with an actor, two bad frames, a cut and a dissolve."""
    shots = Actor(lambda index: -90 + 14 * index).before(scene(1, 20)), scene(2, 14), scene(3, 14)
    mixed = [
        np.round(one + (index + 1) / 7 * (other.astype(float) - one)).astype(np.uint8)
        for index, (one, other) in enumerate(zip(shots[1][-6:], shots[2][:6], strict=True))
    ]
    frames = [*shots[0], *shots[1][:-6], *mixed, *shots[2][6:]]
    frames[9], frames[10] = np.zeros_like(frames[9]), np.maximum(frames[10], 252)
    return write_movie(tmp_path_factory.mktemp("eventful") / "eventful.mp4", frames)


@pytest.fixture(scope="module")
def uninterrupted(eventful: Path) -> tuple[Coverage, list[dict[str, Any]]]:
    clip = Clip.open(eventful)
    coverage = auto_track(clip)
    assert (coverage.cuts[0], coverage.bad_frames[:2]) == (21, (10, 11))
    assert coverage.joined > 0
    return coverage, [track.to_dict() for track in clip.tracks]


def test_no_track_lives_on_a_dissolve(uninterrupted: tuple[Coverage, list[dict[str, Any]]]) -> None:
    coverage, found = uninterrupted
    _, begins = coverage.cuts
    assert set(range(30, 34)) <= set(coverage.bad_frames) <= {10, 11, *range(28, 37)}
    assert begins == coverage.bad_frames[-1] + 1
    tracks = [TrackData.from_dict(entry) for entry in found]
    assert not [track for track in tracks if set(track.markers) & set(coverage.bad_frames)]
    assert not [track for track in tracks if min(track.markers) < begins <= max(track.markers)]
    assert coverage.tracks_per_frame[27] >= 50
    assert coverage.tracks_per_frame[begins] >= 50
    assert set(coverage.covered) & set(coverage.bad_frames) == set()
    ends = [
        track.lost.get(coverage.bad_frames[2]) for track in tracks if max(track.markers) == coverage.bad_frames[2] - 1
    ]
    assert "cut" in ends
    assert set(ends) <= {"cut", None}  # of what was lost on a mixture nothing is told


@pytest.mark.parametrize("stops", [(9, 1, 1, 1), (10,), (28, 3, 3, 1), (42,), (43,), (47, 5, 2), (84,)])
def test_a_run_that_goes_on_ends_as_if_it_had_never_stopped(
    eventful: Path, tmp_path: Path, uninterrupted: tuple[Coverage, list[dict[str, Any]]], stops: tuple[int, ...]
) -> None:
    folder = tmp_path / "checkpoint"
    for frames in stops:
        clip = Clip.open(eventful)
        with pytest.raises(Stopped):
            auto_track(clip, checkpoint=folder, resume=True, on_progress=stopping_after(frames))
        assert len(clip.tracks) == 0
    clip = Clip.open(eventful)
    seen: list[Progress] = []
    coverage = auto_track(clip, checkpoint=folder, resume=True, on_progress=seen.append)
    assert [progress.done for progress in seen] == list(range(sum(stops) + 1, 85))
    assert coverage == uninterrupted[0]
    assert [track.to_dict() for track in clip.tracks] == uninterrupted[1]
    again = Clip.open(eventful)  # all is done: only the tracks have to be made
    assert auto_track(again, checkpoint=folder, resume=True) == coverage


def test_a_checkpoint_of_another_run_is_refused(eventful: Path, pan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    with pytest.raises(Stopped):
        auto_track(Clip.open(eventful), checkpoint=folder, on_progress=stopping_after(3))
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    for clip, options, words in (
        (Clip.open(pan), {}, "its footage is"),
        (Clip.open(eventful), {"frame_end": 20}, "its frames is '1-42', now it is '1-20'"),
        (Clip.open(eventful), {"tracks_per_frame": 99}, "its wanted is"),
        (Clip.open(eventful), {"preset": "fast"}, "its settings is|its least_markers is"),
        (Clip.open(eventful), {"regions": [(0, 0, 1, 0.5)]}, "its masks is"),
    ):
        with pytest.raises(ParameterError, match=words):
            auto_track(clip, checkpoint=folder, resume=True, **options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


@pytest.mark.parametrize("spoil", ["state.npz", "records.0001.npy"])
def test_a_broken_checkpoint_is_told_from_none(eventful: Path, tmp_path: Path, spoil: str) -> None:
    folder = tmp_path / "checkpoint"
    with pytest.raises(Stopped):
        auto_track(Clip.open(eventful), checkpoint=folder, on_progress=stopping_after(3))
    (folder / spoil).write_bytes((folder / spoil).read_bytes()[:100])
    with pytest.raises(FormatError, match="checkpoint"):
        auto_track(Clip.open(eventful), checkpoint=folder, resume=True)


def test_a_run_that_begins_anew_replaces_a_checkpoint_and_nothing_else(eventful: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for _ in range(2):
        with pytest.raises(Stopped):
            auto_track(Clip.open(eventful), checkpoint=folder, on_progress=stopping_after(60))
    assert (folder / "notes.txt").read_text() == "mine"
    coverage = auto_track(Clip.open(eventful), checkpoint=folder, resume=True)
    assert coverage.tracks > 0


@pytest.mark.parametrize("opened", OPENERS)
def test_a_single_frame_is_no_shot(opened: Callable[[Path], Any], tmp_path: Path) -> None:
    clip = opened(write_sequence(tmp_path / "shot", scene(count=1)))
    with pytest.raises(ParameterError, match=r"expected footage of at least two frames, .+ has one"):
        auto_track(clip)
