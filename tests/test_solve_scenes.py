"""The solver on cameras and points with exact truth: noise of 0.1 px, wrong markers, gaps, and every kind of lens."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from cinematic.tracking import TrackingError
from cinematic.tracking.solve import solve_positions
from cinematic.tracking.solve.far_away import far_away
from cinematic.tracking.solve.fixed import fixed_to_the_picture
from cinematic.tracking.solve.focal import moved_back
from cinematic.tracking.solve.one_lens import NoParallax, from_elsewhere, key_frames, refined, surer
from cinematic.tracking.solve.pinned import triangulate_pinned
from cinematic.tracking.solve.solution import LensSearch, Solution
from cinematic.tracking.solve.solver import is_of_a_lens, solve_shot
from cinematic.tracking.solve.triangulation import reprojection_errors
from tests.scenes import (
    SIZE,
    Scene,
    beside_what_moves,
    driven,
    panning,
    path,
    path_error,
    rails,
    scene,
    turn_error,
    with_bonnet,
    with_skyline,
    without_frames,
)

FRAMES, TRACKS = 30, 140


def solved(seen: Scene, **lens: object) -> Solution:
    return solve_shot(seen.positions, SIZE, LensSearch(**lens))  # type: ignore[arg-type]


def focal_error(solution: Solution, seen: Scene) -> float:
    off = solution.cameras.focal / seen.cameras.focal - 1
    return float(np.abs(off[solution.cameras.solved]).max())


def drifting(seen: Scene, seed: int) -> Scene:
    """The scene with tracks that wander, as real ones do: 0.03 px more from frame to frame."""
    steps = np.random.default_rng(seed).normal(0, 0.03, seen.positions.shape)
    return replace(seen, positions=seen.positions + steps.cumsum(axis=1))


@pytest.fixture(scope="module")
def clean() -> Scene:
    return scene(path(FRAMES), TRACKS)


def test_known_focal_length(clean: Scene) -> None:
    solution = solved(clean, focal=900.0)
    assert not solution.only_turns
    assert solution.cameras.solved.all()
    assert path_error(solution.cameras, clean.cameras) < 0.0005
    assert turn_error(solution.cameras, clean.cameras) < 0.05
    assert solution.average_error == pytest.approx(0.12, abs=0.01)  # what 0.1 px of noise leaves (Rayleigh's mean)
    assert np.allclose(solution.cameras.focal, 900.0)
    assert solution.rounds[-1].average_error == pytest.approx(solution.average_error)


@pytest.mark.parametrize("focal", [450.0, 900.0, 2500.0])
def test_unknown_focal_length(focal: float) -> None:
    seen = scene(path(FRAMES, focal), TRACKS)
    solution = solved(seen)
    assert focal_error(solution, seen) < 0.005
    assert path_error(solution.cameras, seen.cameras) < 0.001


@pytest.mark.parametrize("by", [0.5, 1.4])
def test_a_wrong_camera_that_explains_little_is_looked_for_from_elsewhere(clean: Scene, by: float) -> None:
    lens = LensSearch()
    right = refined(clean.cameras, None, clean.positions, SIZE, lens, False, 1, 0)
    assert right is not None
    assert from_elsewhere(right, clean.positions, SIZE, lens, False) is right
    cameras, points = moved_back(right.cameras, right.points, right.used.any(axis=1), by)
    wrong = refined(cameras, points, clean.positions, SIZE, lens, False, 1, 0)
    assert wrong is not None
    assert focal_error(wrong, clean) > 0.3
    poor = replace(wrong, used=wrong.used & (np.arange(TRACKS) % 2 == 0)[:, None])
    found = from_elsewhere(poor, clean.positions, SIZE, lens, False)
    assert found is not None
    assert focal_error(found, clean) < 0.01


AHEAD, ASIDE = (0.0, 0.0, 4.0), (1.2, 0.0, 0.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_camera_that_goes_straight_ahead_hardly_tells_its_focal_length(seed: int) -> None:
    """Adjustment alone would stop at 800 and 1400 px: the way to the floor is nearly level."""
    seen = drifting(scene(rails(60, 700.0, AHEAD, seed=seed), outliers=0.02, seed=seed), seed)
    solution = solved(seen)
    assert solution.cameras.focal[0] == pytest.approx(700, rel=0.03)
    assert solution.cameras.focal_range is not None
    low, high = solution.cameras.focal_range
    assert 500 < low < 650 < 800 < high < 1200
    words = solution.cameras.lens_in_words(960, 36.0)
    assert f"; {low * 36 / 960:.1f} to {high * 36 / 960:.1f} mm explain the tracks as well" in words


@pytest.mark.parametrize("focal", [450.0, 700.0])
def test_an_unknown_focal_length_is_not_sought_from_too_long_a_lens(focal: float) -> None:
    """From there a scene is found that is wrong, and that no small step leaves."""
    seen = drifting(scene(rails(60, focal, ASIDE, pan=0.1), outliers=0.02), 1)
    assert focal_error(solved(seen), seen) < 0.03


def test_a_wide_barrel_is_found_from_one() -> None:
    """From a straight lens the mapping ends at one eight times as long."""
    seen = drifting(scene(replace(rails(60, 420.0, (4.0, 0.0, 0.0), pan=0.35), k1=-0.25), outliers=0.02), 1)
    found = solved(seen, distortion=None).cameras
    assert found.focal[0] == pytest.approx(420, rel=0.02)
    assert found.k1 == pytest.approx(-0.25, abs=0.01)


def test_a_camera_that_turns_tells_its_focal_length(clean: Scene) -> None:
    cameras = solved(clean).cameras
    assert cameras.focal_range is not None
    low, high = cameras.focal_range
    assert 870 < low < 900 < high < 930
    assert "explain the tracks" not in cameras.lens_in_words(960, 36.0)
    assert cameras.scaled(2).focal_range == (2 * low, 2 * high)


def test_no_range_of_focal_lengths_where_it_is_told_or_changes(clean: Scene) -> None:
    assert solved(clean, focal=900.0).cameras.focal_range is None
    assert solved(clean, zooms=True).cameras.focal_range is None
    turning = scene(path(FRAMES, tripod=True), TRACKS)
    assert solved(turning, focal=900.0).cameras.focal_range is None


@pytest.mark.parametrize(("degrees", "doubted"), [(0.0, True), (20.0, False)])
def test_a_tripods_lens_that_zooms_may_be_as_much_longer_all_the_time(degrees: float, doubted: bool) -> None:
    zooming = replace(panning(FRAMES, degrees), focal=np.geomspace(700.0, 1000.0, FRAMES))
    seen = scene(zooming, TRACKS)
    cameras = solved(seen, zooms=None).cameras
    assert cameras.zooms
    assert cameras.only_turn
    assert cameras.focal_range is not None
    low, high = cameras.focal_range
    assert 0.99 * low < np.median(zooming.focal) < 1.01 * high
    assert ("times that length explains the tracks as well" in cameras.lens_in_words(960, 36.0)) is doubted


@pytest.mark.parametrize(
    ("degrees", "k1", "widest"),
    [(0.0, 0.0, 30.0), (1.0, 0.0, 1.5), (1.0, -0.1, 1.6), (10.0, 0.0, 1.1), (10.0, -0.1, 1.1)],
)
def test_a_tripods_camera_tells_how_surely_it_tells_its_focal_length(degrees: float, k1: float, widest: float) -> None:
    """What bends the picture is hardly told apart by a degree: straight lenses alone would leave the right one out."""
    seen = scene(panning(FRAMES, degrees, k1), TRACKS, outliers=0.02)
    solution = solved(seen, distortion=None, zooms=None)
    assert solution.only_turns
    assert solution.cameras.focal_range is not None
    low, high = solution.cameras.focal_range
    assert low < 900 < high < widest * low
    doubted = "explain the tracks as well" in solution.cameras.lens_in_words(960, 36.0)
    assert doubted is (degrees < 10)


@pytest.mark.parametrize(("frames", "noise"), [(12, 0.02), (24, 0.1), (40, 0.1)])
def test_of_the_two_cameras_that_a_plane_leaves_the_right_one_is_taken(frames: int, noise: float) -> None:
    wall = scene(path(frames), 120, planar=True, noise=noise)
    solution = solved(wall, focal=900.0)
    assert path_error(solution.cameras, wall.cameras) < 0.002
    assert solution.median_error < 1.3 * noise


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_points_on_reference_rays_are_found_in_any_unit(clean: Scene, unit: float) -> None:
    """A scene that is next to infinitely far away is solved in whatever unit adjustment ends in."""
    cameras = replace(clean.cameras, translation=clean.cameras.translation * unit)
    points = triangulate_pinned(cameras, clean.positions, np.isfinite(clean.positions[..., 0]).argmax(axis=1))
    assert np.nanmedian(reprojection_errors(cameras, points, clean.positions)) < 0.2


def test_tracks_without_any_error_tell_the_focal_length_exactly() -> None:
    seen = scene(path(FRAMES), TRACKS, noise=0.0)
    assert focal_error(solved(seen), seen) < 1e-4


def test_a_focal_length_that_is_off_is_taken_as_told_or_refined(clean: Scene) -> None:
    told = solved(clean, focal=1080.0)
    assert np.allclose(told.cameras.focal, 1080.0)
    refined = solved(clean, focal=1080.0, refine_focal=True)
    assert focal_error(refined, clean) < 0.003
    assert refined.average_error < told.average_error


def test_a_zoom() -> None:
    seen = scene(path(FRAMES, np.linspace(800, 1300, FRAMES)), TRACKS)
    solution = solved(seen, zooms=True)
    assert solution.cameras.solved.all()
    assert focal_error(solution, seen) < 0.003
    assert path_error(solution.cameras, seen.cameras) < 0.001
    with_one_focal_length = solved(seen)
    assert path_error(with_one_focal_length.cameras, seen.cameras) > 0.002  # what the option is there for


OUT, IN, LATE = (np.linspace(1800, 900, FRAMES), np.linspace(900, 975, FRAMES), np.repeat([900.0, 1300.0], FRAMES // 2))


@pytest.mark.parametrize(
    ("focal", "tripod", "seed"),
    [(OUT, False, 3), (IN, False, 3), (IN, False, 0), (LATE, False, 3), (OUT, True, 3)],
    ids=["out to half", "in by a twelfth", "where a bent lens would do", "at once", "tripod"],
)
def test_that_a_lens_zooms_is_found_out(focal: np.ndarray, tripod: bool, seed: int) -> None:
    seen = scene(path(FRAMES, focal, tripod=tripod), TRACKS, movers=0.1, seed=seed)
    found = solved(seen, distortion=None, zooms=None)
    assert found.cameras.zooms
    assert found.only_turns == tripod
    assert focal_error(found, seen) < 0.005
    if not tripod:
        assert path_error(found.cameras, seen.cameras) < 0.002


@pytest.mark.parametrize("tripod", [False, True])
def test_that_a_lens_does_not_zoom_is_found_out(tripod: bool) -> None:
    seen = scene(path(FRAMES, tripod=tripod), TRACKS, noise=0.4, movers=0.2)
    found = solved(seen, zooms=None)
    assert not found.cameras.zooms
    assert found.only_turns == tripod


def test_an_exact_focal_length_does_not_change() -> None:
    seen = scene(path(FRAMES, np.linspace(900, 975, FRAMES)), TRACKS)
    assert not solved(seen, focal=900.0, zooms=None).cameras.zooms
    assert solved(seen, focal=900.0, refine_focal=True, zooms=None).cameras.zooms


@pytest.mark.parametrize("k1", [-0.25, -0.05, 0.0])
def test_distortion_is_searched_for_where_it_explains_more(k1: float) -> None:
    seen = scene(path(FRAMES, k1=k1), TRACKS)
    solution = solved(seen, distortion=None)
    if k1:
        assert solution.cameras.k1 == pytest.approx(k1, abs=0.01)
        assert path_error(solved(seen).cameras, seen.cameras) > 0.0015  # without: a path that is bent
    else:
        assert (solution.cameras.k1, solution.cameras.k2) == (0.0, 0.0)
    assert focal_error(solution, seen) < 0.005
    assert path_error(solution.cameras, seen.cameras) < 0.0007


def test_of_two_starts_the_one_that_explains_more_is_taken(clean: Scene) -> None:
    first = solved(clean, focal=900.0)
    better, alike = (replace(first, errors=share * first.errors) for share in (0.9, 0.99))
    assert surer(first, better) is better
    assert surer(first, alike) is first
    assert surer(None, first) is surer(first, None) is first


@pytest.mark.parametrize(("focal", "noise"), [(430.0, 0.2), (900.0, 0.2), (400.0, 0.45), (330.0, 0.3)])
def test_a_bent_lens_of_unknown_focal_length(focal: float, noise: float) -> None:
    found = solved(scene(path(36, focal, k1=-0.22), noise=noise, outliers=0.1), distortion=None)
    assert found.cameras.focal[0] == pytest.approx(focal, rel=0.01)
    assert found.cameras.k1 == pytest.approx(-0.22, abs=0.01)


def test_tracks_of_which_hardly_any_frame_is_explained_do_not_fit() -> None:
    with pytest.raises(TrackingError, match="do not fit together"):
        solved(scene(path(24, 330.0, k1=-0.22), 80, noise=0.6, outliers=0.55), distortion=None)


def test_wrong_markers_moving_objects_and_gaps() -> None:
    seen = scene(path(FRAMES), 200, outliers=0.05, movers=0.2, gaps=0.3)
    solution = solved(seen)
    assert focal_error(solution, seen) < 0.005
    assert path_error(solution.cameras, seen.cameras) < 0.001
    used = solution.used.any(axis=1)
    assert used[seen.wrong].sum() <= 2
    assert used[~seen.wrong].mean() > 0.95


def test_a_wall_is_solved_as_a_path_and_not_taken_for_a_tripod() -> None:
    seen = scene(path(FRAMES), TRACKS, planar=True)
    solution = solved(seen, focal=900.0)
    assert not solution.only_turns
    assert path_error(solution.cameras, seen.cameras) < 0.002
    with pytest.raises(TrackingError, match=r"sees a single plane.* give the exact focal length"):
        solved(seen)


def test_a_square_with_boxes_on_it_is_more_than_a_plane() -> None:
    cameras = path(FRAMES)
    square, boxes = scene(cameras, 170, planar=True), scene(cameras, 30, seed=4)
    positions = np.concatenate([square.positions, boxes.positions])
    solution = solve_positions(positions, SIZE)
    assert solution.cameras.focal[0] == pytest.approx(900, rel=0.005)
    assert path_error(solution.cameras, cameras) < 0.002


def test_what_moves_before_a_wall_is_not_taken_for_its_relief() -> None:
    with pytest.raises(TrackingError, match=r"planes explain .* sees a single plane.* give the exact focal length"):
        solved(scene(path(48), 150, planar=True, movers=0.15))


def test_tracks_that_live_for_a_moment_give_every_frame_a_camera() -> None:
    """Of pairs of frames that tell another focal length than most do, many are left out, and frames with them."""
    seen = scene(path(48), 200, noise=0.2, outliers=0.02, movers=0.1, seed=5)
    born = np.random.default_rng(5).integers(-6, 48, (200, 1))
    lives = (np.arange(48) >= born) & (np.arange(48) < born + 8)
    solution = solve_positions(np.where(lives[..., None], seen.positions, np.nan), SIZE)
    assert solution.cameras.solved.all()
    assert solution.cameras.focal[0] == pytest.approx(900, rel=0.01)


@pytest.mark.parametrize("focal", [900.0, None])
def test_a_tripod_is_recognised_and_solved_as_rotations(focal: float | None) -> None:
    seen = scene(path(FRAMES, tripod=True), TRACKS, outliers=0.03, movers=0.2)
    solution = solved(seen, focal=focal)
    assert solution.only_turns
    assert solution.cameras.solved.all()
    assert (solution.cameras.positions == 0).all()
    assert turn_error(solution.cameras, seen.cameras) < 0.05
    assert focal_error(solution, seen) < 0.002
    assert np.allclose(np.linalg.norm(solution.points[solution.used.any(axis=1)], axis=1), 1)
    assert solution.used.any(axis=1)[seen.wrong].sum() <= 2
    with pytest.raises(TrackingError, match="only turns"):
        solve_positions(seen.positions, SIZE, focal)


def test_a_tripod_with_a_zoom() -> None:
    seen = scene(path(FRAMES, np.linspace(800, 1300, FRAMES), tripod=True), TRACKS)
    solution = solved(seen, zooms=True)
    assert solution.only_turns
    assert focal_error(solution, seen) < 0.003
    assert turn_error(solution.cameras, seen.cameras) < 0.05


@pytest.mark.parametrize(("focal", "k1"), [(900.0, -0.2), (600.0, -0.25), (430.0, -0.28)])
def test_a_tripod_with_a_barrel_lens(focal: float, k1: float) -> None:
    seen = scene(path(FRAMES, focal, tripod=True, k1=k1), TRACKS)
    solution = solved(seen, distortion=None)
    assert solution.only_turns  # a path through a lens three times as long explains it as well
    assert solution.cameras.k1 == pytest.approx(k1, abs=0.01)
    assert focal_error(solution, seen) < 0.005


def test_a_camera_at_rest_gives_no_focal_length_and_no_nonsense() -> None:
    still = path(FRAMES, tripod=True)
    seen = scene(replace(still, rotation=np.repeat(np.eye(3)[None], FRAMES, axis=0)), TRACKS)
    solution = solved(seen)
    assert solution.only_turns
    assert turn_error(solution.cameras, seen.cameras) < 0.05
    assert solution.cameras.focal[0] == pytest.approx(1.2 * SIZE[0], rel=0.3)  # where the search began


def test_frames_without_tracks_stay_without_a_camera(clean: Scene) -> None:
    solution = solved(without_frames(clean, 12, 14), focal=900.0)
    assert np.flatnonzero(~solution.cameras.solved).tolist() == [12, 13, 14]
    assert path_error(solution.cameras, clean.cameras) < 0.0005


def test_a_long_shot_is_mapped_on_key_frames_and_solved_on_all() -> None:
    seen = scene(path(150), 260)
    keys = key_frames(np.isfinite(seen.positions[..., 0]))
    assert len(keys) < 80
    assert (keys[0], keys[-1]) == (0, 149)
    solution = solved(seen, focal=900.0)
    assert solution.cameras.solved.all()
    assert path_error(solution.cameras, seen.cameras) < 0.0005
    assert solution.used.sum() > 0.95 * np.isfinite(seen.positions[..., 0]).sum()


def test_key_frames_stand_closer_where_tracks_are_short() -> None:
    seen = np.zeros((400, 300), dtype=bool)
    for row in range(400):
        seen[row, row // 2 : row // 2 + (150 if row < 200 else 20)] = True
    keys = key_frames(seen)
    assert (np.diff(keys) <= 13).all()  # 300 frames on 24
    common = [(seen[:, a] & seen[:, b]).sum() for a, b in pairwise(keys)]
    linked = [(seen[:, a] & seen[:, a + 1]).sum() >= 30 for a in keys[:-1]]
    assert all(count >= 30 for count, could in zip(common, linked, strict=True) if could)


def test_the_same_tracks_give_the_same_camera() -> None:
    seen = scene(path(20), 100, outliers=0.03)
    first, second = (solved(seen, distortion=None) for _ in range(2))
    assert np.array_equal(first.used, second.used)
    assert np.allclose(first.cameras.positions, second.cameras.positions, rtol=0, atol=1e-6)
    assert first.cameras.focal[0] == pytest.approx(second.cameras.focal[0], rel=1e-7)


def test_too_few_tracks(clean: Scene) -> None:
    with pytest.raises(TrackingError, match="expected at least 12 tracks over 3 frames for a camera solve, got 8"):
        solve_positions(clean.positions[:8], SIZE, 900.0)


def test_tracks_that_belong_to_no_scene() -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(TrackingError, match=r"do not fit together|no parallax"):
        solve_positions(rng.uniform(0, 500, (40, 8, 2)), SIZE, 900.0)


def test_nothing_reaches_the_terminal(clean: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    solved(clean)
    assert capfd.readouterr() == ("", "")


# -- points too far away to show their distance -----------------------------------------------------------------------


def test_what_shows_no_distance_is_far_away_and_thirty_others_are_left_on_each_frame() -> None:
    seen = scene(path(24), 100)
    with_far = with_skyline(seen, 60)
    far = far_away(seen.cameras, with_far.positions, SIZE[0])
    assert far.tolist() == [False] * 100 + [True] * 60
    few = with_skyline(scene(path(24), 12), 60)
    far = far_away(few.cameras, few.positions, SIZE[0])
    assert not far[:12].any()
    assert 0 < far.sum() < 60
    left = np.isfinite(few.positions[~far, :, 0]).sum(axis=0)
    assert (left >= np.minimum(30, np.isfinite(few.positions[..., 0]).sum(axis=0))).all()


def test_frames_without_a_camera_tell_no_distance() -> None:
    seen = scene(path(24), 60)
    lost = np.arange(24) >= 12
    some = with_skyline(seen, 60).positions
    assert np.array_equal(
        far_away(seen.cameras.without(lost), some, SIZE[0]),
        far_away(seen.cameras.within(~lost), some[:, ~lost], SIZE[0]),
    )
    nothing = np.full((3, 24, 2), np.nan)
    assert not far_away(seen.cameras, nothing, SIZE[0]).any()


# -- something large that passes, and lenses that are none ------------------------------------------------------------


def with_passer(seen: Scene, count: int, frames: range, width: float = 500.0) -> Scene:
    """The scene, and tracks on something that crosses the picture, so many px wide, and hides what is behind it."""
    rng = np.random.default_rng(7)
    places = rng.uniform((0, 10), (width, SIZE[1] - 10), (count, 2))
    behind, before = seen.positions.copy(), np.full((count, seen.positions.shape[1], 2), np.nan)
    for frame in frames:
        left = (frame - frames[0]) / len(frames) * (SIZE[0] + width) - width
        passing = places + np.array([left, 0.0]) + rng.normal(0, 0.05, places.shape)
        shown = (passing[:, 0] > 0) & (passing[:, 0] < SIZE[0])
        before[shown, frame] = passing[shown]
        behind[(behind[:, frame, 0] > left) & (behind[:, frame, 0] < left + width), frame] = np.nan
    return beside_what_moves(seen, behind, before)


@pytest.mark.parametrize("count", [100, 240])
def test_what_passes_for_a_while_is_not_the_scene_though_most_tracks_are_on_it(count: int) -> None:
    seen = scene(path(60), 260, noise=0.05)
    passed = with_passer(seen, count, range(15, 45))
    in_the_middle = np.isfinite(passed.positions[:, 30, 0])
    assert in_the_middle[passed.wrong].sum() > in_the_middle[~passed.wrong].sum()
    solution = solved(passed)
    assert solution.cameras.solved.all()
    assert path_error(solution.cameras, seen.cameras) < 0.001
    assert not solution.used[passed.wrong].any()


def with_actor(seen: Scene, count: int, *, sways: float = 6.0, comes: float = 0.0) -> Scene:
    """The scene, and tracks all over somebody who walks through a third of the picture, on all frames.

    He sways by so many px, and comes nearer by that share of his distance.
    """
    rng, frames = np.random.default_rng(7), seen.positions.shape[1]
    within, t = rng.uniform(-1, 1, (count, 2, 1)), np.linspace(0, 1, frames)
    down = SIZE[1] / 2 + 160 * within[:, 1] + 0 * t
    across = SIZE[0] / 3 + 80 * within[:, 0] + 300 * t + sways * np.sin(down / 60 + 25 * t)
    middle = np.array(SIZE) / 2
    shown = (np.stack([across, down], axis=2) - middle) * (1 + comes * t[:, None]) + middle
    shown += rng.normal(0, 0.05, shown.shape)
    return beside_what_moves(seen, seen.positions, shown)


@pytest.mark.parametrize("frames", [40, 72])
def test_an_actor_before_few_marks_is_not_the_scene(frames: int) -> None:
    """Beside a camera on rails he is like something nearer that stands: pairs of frames fit both.

    Of 72 frames the camera that was found rested on him alone; of 40 he had bent it, and nothing of him fitted it.
    """
    seen = scene(rails(frames, 900.0, (2.0, 0.1, 0.8), pan=0.15), 80, noise=0.05)
    acted = with_actor(seen, 45)
    assert np.isfinite(acted.positions[acted.wrong]).sum() < 0.4 * np.isfinite(acted.positions).sum()
    solution = solved(acted)
    assert solution.cameras.solved.all()
    assert solution.cameras.focal[0] == pytest.approx(900, rel=0.005)
    assert path_error(solution.cameras, seen.cameras) < 0.001
    assert not solution.used[acted.wrong].any()


def test_what_moves_before_a_wall_is_no_scene() -> None:
    """A camera that rests on him, and on nothing of the wall, explains less than that the most there is is a plane."""
    wall = scene(rails(24, 900.0, (2.0, 0.1, 0.8), pan=0.15), 90, noise=0.05, planar=True)
    acted = with_actor(wall, 80, sways=0.0, comes=0.15)
    with pytest.raises(NoParallax, match="the camera sees a single plane"):
        solved(acted)
    told = solved(acted, focal=900.0)
    assert not told.used[acted.wrong].any()
    assert path_error(told.cameras, wall.cameras) < 0.005


@pytest.mark.parametrize("count", [60, 150, 250])
def test_what_is_fixed_to_the_camera_is_not_the_scene(count: int) -> None:
    """A car's bonnet: it was taken for the scene of a camera at rest, or the camera was half one and half the other."""
    seen = scene(driven(60), 450)
    inside = with_bonnet(seen, count)
    solution = solved(inside)
    assert solution.cameras.solved.all()
    assert solution.cameras.focal[0] == pytest.approx(800, rel=0.01)
    assert path_error(solution.cameras, seen.cameras) < 0.001
    assert not solution.used[inside.wrong].any()
    assert np.isfinite(solution.errors[inside.wrong]).any()  # it is judged by these cameras


def test_too_few_tracks_that_move_beside_what_is_fixed() -> None:
    """They tell no camera; all of them together tell one at rest."""
    seen = scene(path(24), 60)
    few = with_bonnet(replace(seen, positions=np.where(np.arange(60)[:, None, None] < 11, seen.positions, np.nan)), 25)
    few.positions[60:, :, 0] *= 0.1  # into a corner
    assert fixed_to_the_picture(few.positions, SIZE).any()
    solution = solve_shot(few.positions, SIZE, LensSearch(distortion=None))
    assert solution.only_turns
    assert solution.used[60:].any(axis=1).all()


def test_a_tripod_behind_a_dirty_glass() -> None:
    seen = scene(panning(40, 30.0), 200)
    dirty = beside_what_moves(seen, seen.positions, with_bonnet(seen, 120, share=1.0).positions[200:])
    solution = solve_shot(dirty.positions, SIZE, LensSearch(distortion=None))
    assert solution.only_turns
    assert turn_error(solution.cameras, seen.cameras) < 0.2
    assert not solution.used[dirty.wrong].any()


def test_a_skyline_that_stands_still_is_of_the_scene() -> None:
    """A camera that travels and does not turn shows it so."""
    cameras = rails(40, 900.0, (6.0, -0.3, 0.5))
    upright = np.broadcast_to(np.eye(3), cameras.rotation.shape)
    seen = with_skyline(scene(replace(cameras, rotation=upright, translation=-cameras.positions), 200), 120)
    assert fixed_to_the_picture(seen.positions, SIZE)[200:].mean() > 0.9
    solution = solved(seen, focal=900.0)
    assert solution.used[200:].any(axis=1).mean() > 0.9
    assert path_error(solution.cameras, seen.cameras) < 0.001


def test_a_street_seen_by_a_camera_at_rest_stays_the_scene() -> None:
    """What drives through it is rigid, too, and covers less of the picture."""
    rng = np.random.default_rng(3)
    street = rng.uniform((10, 10), (SIZE[0] - 10, SIZE[1] - 10), (150, 1, 2)) + rng.normal(0, 0.1, (150, 40, 2))
    car = scene(rails(40, 900.0, (2.0, 0.1, 0.8), pan=0.15), 400).positions
    car[(np.abs(car - np.array(SIZE) / 2) > 150).any(axis=2)] = np.nan
    assert fixed_to_the_picture(street, SIZE).sum() == 0  # nothing moves beside it
    both = np.concatenate([street, car])
    assert np.isfinite(car[..., 0]).sum() > 0.5 * street[..., 0].size
    assert not fixed_to_the_picture(both, SIZE).any()


@pytest.mark.parametrize(
    ("focal", "is_one"),
    [
        (np.linspace(500, 4000, 24), True),
        (np.geomspace(300, 6000, 24), True),  # a crash zoom within a second
        (np.geomspace(100, 9000, 60), False),  # no lens zooms that far
        (np.where(np.arange(24) < 12, 700.0, 1400.0), False),  # nor within a frame
    ],
)
def test_what_no_lens_does_is_no_zoom(focal: np.ndarray, is_one: bool) -> None:
    cameras = path(len(focal), focal)
    assert is_of_a_lens(cameras) is is_one
    assert is_of_a_lens(cameras.without(np.arange(len(focal)) == 3)) is is_one


def test_what_was_outvoted_is_still_judged_by_the_cameras() -> None:
    """Of a short shot each frame is a key frame: nothing follows that would look at all tracks once more."""
    passed = with_passer(scene(path(20), 200, noise=0.05), 60, range(4, 16))
    solution = solved(passed)
    told = np.isfinite(passed.positions[..., 0]).sum(axis=1) >= 2
    judged = ~np.isnan(solution.errors).all(axis=1)
    assert judged[told & ~passed.wrong].all()
    assert judged[told & passed.wrong].mean() > 0.5
    assert not solution.used[passed.wrong].any()
