"""refill_tracks: what cleaning has emptied is covered again, by tracks that are no worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    ParameterError,
    PointTracker,
    Progress,
    Refilled,
    TrackData,
    TrackingError,
    add_track,
    auto_track,
    clean_tracks,
    judge_with_motion,
    refill_tracks,
    restore_tracks,
)
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.grid import Grid
from cinematic.tracking.judge import Limits, judge, judge_others, judge_scene
from cinematic.tracking.parts import best_parts
from cinematic.tracking.store import store_of
from tests.scenes import SIZE, path, scene
from tests.test_conformance import loaded_into_blender
from tests.test_whole_shot import SIZE as PAN_SIZE
from tests.test_whole_shot import Stopped, markers_on, missed, stopping_after
from tests.test_whole_shot import pan as pan  # a fixture

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "sample_plate.mp4"
FRAMES = range(1, 49)


def content(tracks: Any) -> dict[str, dict[str, Any]]:
    return {track.name: track.to_dict() for track in tracks}


def cells_held(tracks: list[TrackData], size: tuple[int, int]) -> float:
    """Cells that hold a track, on the median frame."""
    grid = Grid.of(size, 150)
    places = [[t.markers[frame] for t in tracks if frame in t.markers] for frame in FRAMES]
    return float(np.median([(grid.counted(pixels_from_co(held, size)) > 0).sum() for held in places]))


@dataclass
class Cleaned:
    """The sample plate, covered, judged and cleaned; with two tracks of an artist's."""

    clip: Clip
    options: dict[str, Any]

    def copy(self) -> Clip:
        return Clip(self.clip.footage, [TrackData.from_dict(track.to_dict()) for track in self.clip.tracks])


@pytest.fixture(scope="module")
def cleaned() -> Cleaned:
    clip = Clip.open(SAMPLE)
    add_track(clip, 5, (0.4, 0.5), name="mine")
    auto_track(clip)
    clip.tracks["mine"].locked = True
    verdicts, motion = judge_with_motion(clip)
    return Cleaned(clip, {"cleaning": clean_tracks(clip, verdicts=verdicts), "motion": motion})


@pytest.fixture(scope="module")
def refilled(cleaned: Cleaned) -> tuple[Clip, Refilled]:
    clip = cleaned.copy()
    return clip, refill_tracks(clip, **cleaned.options)


def test_empty_cells_are_filled_and_the_others_stay_as_they_are(
    cleaned: Cleaned, refilled: tuple[Clip, Refilled]
) -> None:
    clip, result = refilled
    before, after = content(cleaned.clip.tracks), content(clip.tracks)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == set(result.added)
    assert not set(result.added) & {track.name for track in cleaned.options["cleaning"].before}
    assert 0 < result.from_parts < len(result.added) < result.tried + result.from_parts
    assert cells_held(list(clip.tracks), clip.size) > 1.08 * cells_held(list(cleaned.clip.tracks), clip.size)
    assert all(len(track.markers) >= 5 for track in clip.tracks if track.name in result.added)
    assert all(set(track.reference_frames) <= set(track.markers) for track in clip.tracks)


def test_no_more_is_added_than_is_wanted(refilled: tuple[Clip, Refilled]) -> None:
    """Where there are more tracks than were asked for, each new one fills a cell that no other one holds."""
    clip, result = refilled
    grid = Grid.of(clip.size, 150)
    filling = set(result.added[len(result.added) - result.from_parts :])  # parts: they fill what is empty even then
    tracks = [track for track in clip.tracks if track.name not in filling]
    held = np.zeros((len(FRAMES), grid.count), int)
    places = {}
    for track in tracks:
        frames = np.array(list(track.markers)) - FRAMES[0]
        places[track.name] = frames, grid.cells(pixels_from_co(list(track.markers.values()), clip.size))
        np.add.at(held, places[track.name], 1)
    added = [places[name] for name in result.added if name not in filling]
    assert len(added) > 20
    for frames, cells in added:
        assert held[frames].sum(axis=1).min() <= 150 or held[frames, cells].min() == 1


def test_a_cleaning_that_took_hardly_anything_is_no_reason_to_look(cleaned: Cleaned) -> None:
    cleaning = cleaned.options["cleaning"]
    one = replace(cleaning, actions=cleaning.actions[:1])
    clip = cleaned.copy()
    assert refill_tracks(clip, **{**cleaned.options, "cleaning": one}) == Refilled((), 0, 0)
    assert content(clip.tracks) == content(cleaned.clip.tracks)


def test_what_is_added_is_good_by_the_same_judgement(cleaned: Cleaned, refilled: tuple[Clip, Refilled]) -> None:
    clip, result = refilled
    added = [track for track in clip.tracks if track.name in result.added]
    (motion,) = cleaned.options["motion"]
    verdicts = judge_others(added, clip.size, motion)
    assert np.mean([verdict.verdict == "bad" for verdict in verdicts]) < 0.1


def test_where_no_camera_is_known_other_windows_judge_what_is_new(
    cleaned: Cleaned, refilled: tuple[Clip, Refilled]
) -> None:
    (motion,) = cleaned.options["motion"]
    unseen = np.array(FRAMES) > 4  # fewer frames are seen than a track must have
    solution = replace(motion.scene.solution, cameras=motion.scene.solution.cameras.without(unseen))
    blind = replace(motion, scene=replace(motion.scene, solution=solution))
    clip = cleaned.copy()
    added = refill_tracks(clip, **{**cleaned.options, "motion": [blind]}).added
    assert len(added) > 0.7 * len(refilled[1].added)
    verdicts = judge_others([track for track in clip.tracks if track.name in added], clip.size, motion)
    assert np.mean([verdict.verdict == "bad" for verdict in verdicts]) < 0.25


def test_taking_the_cleaning_back_finds_its_names_free(cleaned: Cleaned, refilled: tuple[Clip, Refilled]) -> None:
    clip = Clip(refilled[0].footage, [TrackData.from_dict(track.to_dict()) for track in refilled[0].tracks])
    cleaning = cleaned.options["cleaning"]
    restore_tracks(clip, cleaning)
    there = content(clip.tracks)
    assert all(there[track.name] == track.to_dict() for track in cleaning.before)
    assert set(refilled[1].added) <= set(there)


@pytest.mark.parametrize("stops", [(1, 20), (48,), (49, 30), (96,)])
def test_a_run_that_goes_on_ends_as_if_it_had_never_stopped(
    cleaned: Cleaned, refilled: tuple[Clip, Refilled], tmp_path: Path, stops: tuple[int, ...]
) -> None:
    for frames in stops:
        clip = cleaned.copy()
        with pytest.raises(Stopped):
            refill_tracks(clip, **cleaned.options, checkpoint=tmp_path, resume=True, on_progress=stopping_after(frames))
        assert content(clip.tracks) == content(cleaned.clip.tracks)
    clip = cleaned.copy()
    seen: list[Progress] = []
    options = {"checkpoint": tmp_path, "resume": True, "threads": 1, "on_progress": seen.append}
    assert refill_tracks(clip, **cleaned.options, **options) == refilled[1]
    assert [progress.done for progress in seen] == list(range(sum(stops) + 1, 97))
    assert content(clip.tracks) == content(refilled[0].tracks)


def test_a_checkpoint_of_another_cleaning_is_refused(cleaned: Cleaned, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        refill_tracks(cleaned.copy(), **cleaned.options, checkpoint=tmp_path, on_progress=stopping_after(3))
    with pytest.raises(ParameterError, match="its tracks that have failed is"):
        refill_tracks(cleaned.copy(), motion=cleaned.options["motion"], checkpoint=tmp_path, resume=True)


@pytest.mark.parametrize(
    "opened", [Clip.open, pytest.param(loaded_into_blender, id="blender", marks=pytest.mark.blender)]
)
def test_a_shot_without_parallax_and_a_mask(opened: Callable[[Path], Any], pan: Path, tmp_path: Path) -> None:
    """There is nothing but the clip's tracks: neither what was cleaned nor a camera is told."""
    clip = opened(pan)
    auto_track(clip, regions=[(0, 0, 0.5, 1)], frame_end=22)
    before = content(store_of(clip).read())
    result = refill_tracks(clip, regions=[(0, 0.5, 1, 1)], frame_end=22)
    after = content(store_of(clip).read())
    assert {name: after[name] for name in before} == before
    assert len(result.added) > 20
    new = [TrackData.from_dict(after[name]) for name in result.added]
    assert all(y >= 0.5 for track in new for _, y in track.markers.values())
    assert max(x for track in new for x, _ in track.markers.values()) > 0.8
    right_half = markers_on(clip, 20)[:, 0] > PAN_SIZE[0] / 2
    assert right_half.sum() > 10
    errors = missed(clip)
    assert (errors < 0.5).mean() > 0.99


def test_nothing_to_go_by(pan: Path) -> None:
    with pytest.raises(TrackingError, match="no tracks"):
        refill_tracks(Clip.open(pan))
    with pytest.raises(TrackingError, match="nothing to fill up yet"):
        PointTracker(pan, engine="klt").refill_tracks()


def test_others_are_judged_as_they_are_among_all() -> None:
    seen = scene(path(24), 150, noise=0.08)
    tracks = [track for track in seen.tracks if len(track.markers) > 8]
    drifts = np.zeros((len(tracks[-1].markers), 2))
    drifts[:, 1] = np.linspace(0, 0.02, len(drifts))
    tracks[-1].markers = {
        frame: (x + dx, y + dy) for (frame, (x, y)), (dx, dy) in zip(tracks[-1].markers.items(), drifts, strict=True)
    }
    _, (motion,) = judge_scene(tracks[:-20], SIZE)
    found = judge_others(tracks[-20:], SIZE, motion)
    assert [verdict.verdict for verdict in found] == [verdict.verdict for verdict in judge(tracks, SIZE)[-20:]]
    assert found[-1].verdict == "bad"


def test_a_part_that_follows_one_point_is_found_wherever_it_lies() -> None:
    seen = scene(path(24), 60, noise=0.08)
    whole = np.flatnonzero(np.isfinite(seen.positions[..., 0]).all(axis=1))[:2]
    positions = np.stack([seen.positions[whole[0]], seen.positions[whole[1]]])
    wander = np.random.default_rng(2).normal(0, 5, (24, 2)).cumsum(axis=0)
    positions[0, :9] += wander[:9] + 8  # its first marker shows nothing
    positions[1] += wander
    limits = Limits()
    strict = (limits.reprojection_px, limits.track_reprojection_px)
    part, hopeless = best_parts(seen.cameras, positions, np.ones(24), strict)
    assert hopeless is None
    assert part is not None
    reference, frames = part
    assert set(frames.tolist()) <= set(range(9, 24))
    assert len(frames) >= 12
    assert reference in frames
