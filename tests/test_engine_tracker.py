"""Frames in, markers out: accuracy against the bound, drift, references, threads, reasons, bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest

from cinematic.tracking.engine import (
    MOTION_MODELS,
    FrameMarkers,
    LostReason,
    Seeds,
    Tracker,
    TrackOptions,
    build_pyramid,
    track,
)
from cinematic.tracking.errors import ParameterError
from tests.plates import wall
from tests.test_engine_plate import Texture, apply, around, bound, grid_points

SIZE = (240, 180)
CENTRE = (120.0, 90.0)
NOISE = 2 / 255


def plate(texture: Texture, warps: Iterable[np.ndarray], size: tuple[int, int] = SIZE, noise: float = NOISE) -> list:
    """Frames 1, 2, ...: each warp takes the first frame's points to where they are seen."""
    rng = np.random.default_rng(0)
    frames = []
    for number, warp in enumerate(warps, 1):
        image = texture.frame(size, np.linalg.inv(warp))
        frames.append((number, (image + rng.normal(0, noise, image.shape)).astype(np.float32)))
    return frames


def turning(count: int, angle: float = 0.15, grow: float = 0.1) -> list[np.ndarray]:
    """A hand-held turn about the frame's centre with a little growth and sway."""
    return [
        around(CENTRE, angle=angle * s, scale=1 + grow * s, shift=(4 * np.sin(5 * s), 3 * np.sin(4 * s)))
        for s in np.linspace(0, 1, count)
    ]


def zooming(factors: Iterable[float]) -> list[np.ndarray]:
    return [around(CENTRE, scale=factor) for factor in factors]


def run(frames: list, points: np.ndarray, **options: object) -> list[FrameMarkers]:
    return list(track(frames, Seeds(frames[0][0], points), TrackOptions(**options)))


def errors(results: list[FrameMarkers], warps: list[np.ndarray], points: np.ndarray) -> list[np.ndarray]:
    """Per frame, the (k, 2) errors of the markers that were placed."""
    pairs = zip(results, warps, strict=True)
    return [m.position[m.tracked] - apply(warp, points)[m.track[m.tracked]] for m, warp in pairs]


# -- accuracy -----------------------------------------------------------------------------------------------------


def test_markers_are_as_good_as_the_bound_allows_and_say_so() -> None:
    whitened, claimed, signed = [], [], []
    points = grid_points(SIZE, 45, 15)
    warps = turning(8)
    for seed in range(4):
        texture = Texture(seed, waves=96)
        results = run(plate(texture, warps), points, motion_model="Affine")
        limit = bound(texture, points, 21, NOISE)
        for markers, warp in list(zip(results, warps, strict=True))[1:]:
            placed = markers.track[markers.tracked]
            error = markers.position[markers.tracked] - apply(warp, points)[placed]
            along = [apply(warp, points + d) - apply(warp, points - d) for d in ([0.5, 0], [0, 0.5])]
            step = np.stack(along, 2)[placed]
            covariance = step @ limit[placed] @ step.transpose(0, 2, 1)
            whitened.append(np.einsum("ni,nij,nj->n", error, np.linalg.inv(covariance), error))
            said = np.linalg.inv(markers.covariance[markers.tracked])
            claimed.append(np.einsum("ni,nij,nj->n", error, said, error))
            signed.append(error)
            assert markers.tracked.all()
    median_of_chi2 = 2 * np.log(2)
    ratio = np.sqrt(np.median(np.concatenate(whitened)) / median_of_chi2)
    honesty = np.sqrt(np.median(np.concatenate(claimed)) / median_of_chi2)
    assert ratio < 1.1
    assert 0.85 < honesty < 1.2  # the covariance that each marker carries
    assert np.abs(np.median(np.concatenate(signed), 0)).max() < 0.005


def test_anchored_reference_does_not_drift_where_frame_to_frame_does() -> None:
    texture, points, warps = Texture(1, waves=96), grid_points(SIZE, 40, 25), turning(30)
    frames = plate(texture, warps)
    last = {
        match: np.median(np.hypot(*errors(run(frames, points, motion_model="Loc" if match == "PREV_FRAME" else "AUTO",
                                              pattern_match=match), warps, points)[-1].T))
        for match in ("KEYFRAME", "PREV_FRAME", "AUTO")
    }  # fmt: skip
    assert last["KEYFRAME"] < 0.05
    assert last["AUTO"] < 0.05
    assert last["PREV_FRAME"] > 3 * last["AUTO"]


@pytest.mark.parametrize(
    ("warps", "needed"),
    [
        ([around(CENTRE, shift=(1.3 * i, 0.7 * i)) for i in range(10)], "Loc"),
        ([around(CENTRE, angle=0.02 * i) for i in range(10)], "LocRot"),
        (zooming(1.02**i for i in range(10)), "LocScale"),
        ([around(CENTRE, linear=np.array([[1 + 0.02 * i, 0.02 * i], [0, 1 - 0.01 * i]])) for i in range(10)], "Affine"),
    ],
    ids=["shift", "turn", "zoom", "shear"],
)
def test_auto_finds_the_simplest_motion_that_explains_the_change(warps: list[np.ndarray], needed: str) -> None:
    points = grid_points(SIZE, 50, 25)
    frames = plate(Texture(2, waves=96), warps)
    results = run(frames, points, motion_model="AUTO")
    chosen = np.array(MOTION_MODELS)[results[-1].motion_model]
    assert np.mean(chosen == needed) > 0.5  # each look may upgrade a track by chance, and no way leads back
    automatic = np.median(np.hypot(*errors(results, warps, points)[-1].T))
    richest = np.median(np.hypot(*errors(run(frames, points, motion_model="Perspective"), warps, points)[-1].T))
    assert automatic < (1.0 if needed == "Affine" else 0.95) * richest  # what unneeded unknowns would have cost
    if needed != "Loc":
        poorest = run(frames, points, motion_model="Loc", correlation_min=-1, forward_backward_max=np.inf,
                      pattern_match="KEYFRAME")  # fmt: skip
        assert np.median(np.hypot(*errors(poorest, warps, points)[-1].T)) > 5 * automatic


# -- references ---------------------------------------------------------------------------------------------------


def test_strong_zoom_kills_a_fixed_reference_and_not_a_chain_of_them() -> None:
    factors = np.exp(np.linspace(0, np.log(5.0), 30))
    warps = zooming(factors)
    points = np.array(CENTRE) + grid_points((40, 30), 0, 9) - [20, 15]  # what stays in view
    texture = Texture(3, waves=300, shortest=0.8)  # ever finer detail comes up
    rng = np.random.default_rng(0)
    frames = [
        (n, texture.frame(SIZE, np.linalg.inv(warp), factor) + rng.normal(0, 1 / 255, SIZE[::-1]))
        for n, (warp, factor) in enumerate(zip(warps, factors, strict=True), 1)
    ]
    fixed = run(frames, points, motion_model="LocRotScale", pattern_match="KEYFRAME")
    chained = run(frames, points, motion_model="LocRotScale")
    assert chained[-1].tracked.sum() > 0.9 * len(points)
    assert fixed[-1].tracked.sum() < 0.5 * len(points)
    assert np.unique(chained[3].reference_frame).tolist() == [1]
    assert chained[-1].reference_frame.min() > 1
    error = errors(chained, warps, points)[-1]
    said = chained[-1].covariance[chained[-1].tracked]
    assert np.median(np.hypot(*error.T)) < 0.3  # pixels of a frame that is magnified 5 times: 0.06 of the first's
    assert np.median(np.einsum("ni,nij,nj->n", error, np.linalg.inv(said), error)) < 2 * 2 * np.log(2)
    corners = chained[-1].corners[chained[-1].tracked]
    assert np.median(corners[:, 2, 0] - corners[:, 0, 0]) == pytest.approx(5 * 21, rel=0.05)  # of the FIRST pattern


def test_coming_back_ends_the_drift() -> None:
    factors = np.exp(np.concatenate([np.linspace(0, np.log(2.2), 14), np.linspace(np.log(2.2), 0, 14)]))
    warps, points = zooming(factors), grid_points(SIZE, 85, 10)
    results = run(plate(Texture(4, waves=96), warps, noise=1 / 255), points, motion_model="LocRotScale")
    assert (results[13].reference_frame > 1).mean() > 0.9
    assert (results[-1].reference_frame == 1).mean() > 0.9
    last = np.median(np.hypot(*errors(results, warps, points)[-1].T))
    first = np.median(np.hypot(*errors(results, warps, points)[1].T))
    assert last < 2 * first


@pytest.mark.parametrize("model", ["AUTO", "Affine"])
def test_crossings_of_two_edges_do_not_tell_sizes_along_them_and_need_not(model: str) -> None:
    square, frames, warps = 25, [], []
    rng = np.random.default_rng(1)
    for number, s in enumerate(np.linspace(0, 1, 30), start=1):
        leaning = np.array([[1 - 0.15 * s, 0.12 * s], [0.05 * s, 1.0]])
        warp = np.eye(3)
        warp[:2, :2] = leaning
        warp[:2, 2] = CENTRE - leaning @ CENTRE + [6 * np.sin(4 * s), 4 * np.sin(3 * s)]
        board = checkerboard(np.linalg.inv(warp), square)
        frames.append((number, (board + rng.normal(0, 14 / 255, board.shape)).astype(np.float32)))
        warps.append(warp)
    points = square * np.stack(np.meshgrid(np.arange(2, 8), np.arange(2, 6)), axis=-1).reshape(-1, 2).astype(float)
    found = run(frames, points, motion_model=model)
    assert len(found[-1].track) == len(points)
    assert found[-1].tracked.all()
    assert np.median(np.linalg.norm(np.concatenate(errors(found, warps, points)[1:]), axis=1)) < 0.15


def checkerboard(inverse: np.ndarray, square: float, fine: int = 4) -> np.ndarray:
    """A frame of one whose squares begin at the origin, seen through a warp; ``fine``: rays a pixel and axis."""
    rows, columns = (np.arange(side * fine) for side in SIZE[::-1])
    y, x = (np.meshgrid(rows, columns, indexing="ij") + np.array(0.5)) / fine - 0.5
    where = apply(inverse, np.stack([x.ravel(), y.ravel()], axis=1))
    light = np.where(np.floor(where / square).sum(axis=1) % 2 > 0, 0.6, 0.35)
    return light.reshape(SIZE[1], fine, SIZE[0], fine).mean(axis=(1, 3))


def test_previous_frame_is_the_reference_where_asked() -> None:
    warps, points = turning(5), grid_points(SIZE, 40, 40)
    results = run(plate(Texture(5), warps), points, motion_model="Affine", pattern_match="PREV_FRAME")
    assert [m.reference_frame[0] for m in results] == [1, 1, 2, 3, 4]


def test_an_occluder_is_not_taken_for_a_new_reference() -> None:
    """A foreign texture slides over the pattern at 2 px a frame: the track must end and not go along with it."""
    background, foreground = Texture(6).frame((120, 80)), Texture(7).frame((400, 80))
    frames = []
    for number in range(30):
        image = background.copy()
        edge = max(0, 2 * number)  # the occluder enters from the left
        image[:, :edge] = foreground[:, 200 - edge : 200]
        frames.append((number, image))
    results = run(frames, np.array([[40.0, 40.0]]), motion_model="Affine")
    placed = [m.position[0] for m in results if len(m) and m.tracked[0]]
    assert len(placed) < 26
    assert np.hypot(*(np.array(placed) - [40, 40]).T).max() < 0.5


def test_a_pattern_across_two_depths_is_given_up_when_they_part() -> None:
    """Foreground and background slide 1 px a frame against each other under the pattern."""
    background, foreground = Texture(18).frame((200, 80)), Texture(19).frame((200, 80))
    frames = []
    for number in range(20):
        image = background[:, :160].copy()
        image[:, : 80 + number] = foreground[:, 40 - number : 120]
        frames.append((number, image))
    point = np.array([[84.0, 40.0]])  # 6 of the pattern's 21 columns show the foreground
    checked = run(frames, point, correlation_min=0.5)
    unchecked = run(frames, point, correlation_min=0.5, shape_change_max=np.inf)
    loss = first_loss(checked)
    assert loss is not None
    assert loss[1] == LostReason.SHAPE
    placed = [sum(m.tracked.sum() for m in results) for results in (checked, unchecked)]
    assert placed[0] < placed[1]


def test_patterns_turn_away_as_fast_as_a_tenth_of_all_do() -> None:
    """A camera that runs round a set turns every wall as fast as else only what straddles two depths seems to."""
    warps = [around(CENTRE, linear=np.diag([1.09**k, 1.0])) for k in range(8)]
    frames, points = plate(Texture(18, waves=96), warps), grid_points(SIZE, 68, 12)
    alone = first_loss(run(frames, points[:1], motion_model="Affine"))
    assert alone is not None
    assert alone[1] == LostReason.SHAPE
    found = run(frames, points, motion_model="Affine")
    assert found[-1].tracked.all()
    assert np.median(np.linalg.norm(errors(found, warps, points)[-1], axis=1)) < 0.1


# -- time and threads ---------------------------------------------------------------------------------------------


def test_backwards_is_as_good_as_forwards() -> None:
    warps, points = turning(10), grid_points(SIZE, 45, 25)
    frames = plate(Texture(8, waves=96), warps)
    start = apply(warps[-1], points)
    results = list(track(reversed(frames), Seeds(10, start), TrackOptions(motion_model="Affine")))
    assert [m.frame for m in results] == list(range(10, 0, -1))
    last = results[-1]
    assert last.tracked.mean() > 0.95
    assert np.median(np.hypot(*(last.position - points[last.track])[last.tracked].T)) < 0.06


def test_tracks_begin_when_their_frame_comes() -> None:
    warps, points = turning(6), grid_points(SIZE, 45, 45)
    frames = plate(Texture(9), warps)
    begin = np.array([1 + n % 3 for n in range(len(points))])
    positions = np.array([apply(warps[b - 1], p[None])[0] for b, p in zip(begin, points, strict=True)])
    results = list(track(frames, Seeds(begin, positions)))
    for markers in results:
        expected = np.flatnonzero(begin <= markers.frame)
        assert np.array_equal(markers.track, expected)
        fresh = begin[markers.track] == markers.frame
        assert np.isnan(markers.forward_backward[fresh]).all()
        assert np.array_equal(markers.position[fresh], positions[markers.track[fresh]])
    assert np.median(np.hypot(*errors(results, warps, points)[-1].T)) < 0.06


def test_same_numbers_whatever_the_number_of_threads() -> None:
    points = np.concatenate([grid_points(SIZE, 25, 12)] * 2)  # several pieces of work
    frames = plate(Texture(10), turning(5))

    def everything(threads: int) -> list[bytes]:
        fields = ("position", "corners", "correlation", "forward_backward", "covariance", "motion_model", "reason")
        return [getattr(m, f).tobytes() for m in run(frames, points, threads=threads) for f in fields]

    once = everything(1)
    assert everything(2) == once
    assert everything(5) == once
    assert everything(1) == once


def test_each_seed_may_have_its_own_settings() -> None:
    points = grid_points(SIZE, 50, 30)[:3]
    matches = ["PREV_FRAME", "KEYFRAME", "AUTO"]
    seeds = Seeds(1, points, motion_models=["Loc", "Affine", "AUTO"], pattern_matches=matches,
                  correlation_mins=[0.5, 1.0, 0.5])  # fmt: skip
    results = list(track(plate(Texture(11), turning(4)), seeds))
    assert results[1].motion_model[:2].tolist() == [0, 4]
    assert results[1].reason.tolist() == [0, LostReason.LOW_CORRELATION, 0]
    assert results[3].track.tolist() == [0, 2]
    assert results[3].reference_frame[0] == 3


def test_trackers_of_different_pattern_sizes_can_share_a_frame() -> None:
    warps, points = turning(4), grid_points(SIZE, 60, 60)
    trackers = [Tracker(Seeds(1, points), TrackOptions(pattern_size=size)) for size in (11, 31)]
    for number, image in plate(Texture(12), warps):
        frame = build_pyramid(image)
        small, large = (tracker.step(number, frame) for tracker in trackers)
    assert small.tracked.all()
    assert large.tracked.all()
    assert np.median(np.trace(large.covariance, axis1=1, axis2=2)) < np.median(
        np.trace(small.covariance, axis1=1, axis2=2)
    )
    assert trackers[0].alive.all()


def test_a_pan_faster_than_the_search_reaches_and_what_stands_still_before_it() -> None:
    rng = np.random.default_rng(4)
    scene = wall((270, 900), rng)
    sign = np.clip(0.5 + rng.normal(0, 0.6, (60, 60)), 0, 1).astype(np.float32)
    frames = []
    for number in range(1, 5):
        image = scene[:, 90 * number :][:, :480].copy()
        image[200:260, 30:90] = cv2.GaussianBlur(sign, (0, 0), 1.5)
        frames.append((number, image))
    points = np.array([(x, y) for x in (330.0, 380.0, 430.0) for y in (40.0, 80.0, 120.0, 160.0)] + [(60.0, 230.0)])
    results = run(frames, points)
    for passed, markers in enumerate(results):
        assert markers.tracked.all()
        moved = markers.position - points[markers.track]
        assert moved[:-1] == pytest.approx(np.tile([-90.0 * passed, 0.0], (12, 1)), abs=0.05)
        assert moved[-1] == pytest.approx([0.0, 0.0], abs=0.05)
    late = list(
        track(frames, Seeds(np.array([1] * 12 + [2]), np.vstack([points[:12], [(400.0, 100.0)]])), TrackOptions())
    )
    assert late[-1].tracked.all()  # taken up while others move


@pytest.mark.parametrize("far", [50, 90])
def test_a_camera_that_is_hit_and_one_that_stops_at_once(far: int) -> None:
    """Tracks that are known to stand still, or to move, are looked for where the picture has gone."""
    scene = wall((270, 1100), np.random.default_rng(5))
    points = np.array([(x, y) for x in (380.0, 420.0) for y in range(30, 250, 20)])
    for path in ([0, 0, 0, far, far, far], [0, far, 2 * far, 2 * far, 2 * far]):
        frames = [(number, scene[:, right:][:, :480].copy()) for number, right in enumerate(path)]
        for markers, right in zip(list(track(frames, Seeds(0, points))), path, strict=True):
            assert markers.tracked.mean() > 0.8
            moved = (markers.position - points[markers.track])[markers.tracked]
            assert np.abs(moved - (-right, 0.0)).max() < 0.1


# -- losing -------------------------------------------------------------------------------------------------------


def first_loss(results: list[FrameMarkers]) -> tuple[int, LostReason] | None:
    """Frame and reason of the first lost marker of track 0; checks that it is reported once."""
    lost = [(m.frame, LostReason(m.reason[0])) for m in results if len(m) and not m.tracked[0]]
    assert len(lost) <= 1
    return lost[0] if lost else None


def test_no_marker_lies_beyond_the_outermost_pixels_centres() -> None:
    warps = [around(CENTRE, shift=(0.4 * i, 0)) for i in range(40)]
    results = run(plate(Texture(13), warps), np.array([[226.0, 90.0]]))
    last = max(m.position[0, 0] for m in results if len(m) and m.tracked[0])
    assert 238.0 < last <= 239.0
    loss = first_loss(results)
    assert loss is not None
    assert loss[1] == LostReason.OUT_OF_FRAME  # with half its pattern still in the picture


def test_leaving_the_frame_is_a_reason() -> None:
    warps = [around(CENTRE, shift=(6.0 * i, 0)) for i in range(12)]
    results = run(plate(Texture(13), warps), np.array([[180.0, 90.0]]))
    loss = first_loss(results)
    assert loss is not None
    assert loss[1] == LostReason.OUT_OF_FRAME
    assert loss[0] == 1 + 10  # the marker itself leaves at 180 + 6 i > 239.5
    # Its pattern begins to leave at 180 + 10 + 6 i > 239.5; what is left of it places the marker as well.
    for result in results[8:10]:
        step = result.frame - 1
        np.testing.assert_allclose(result.position[0], (180 + 6 * step, 90), atol=0.05)
        assert result.correlation[0] > 0.98


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (lambda image: np.full_like(image, 0.5), {LostReason.DEGENERATE}),
        (lambda image: np.full_like(image, np.nan), {LostReason.DEGENERATE}),
        (lambda image: Texture(99).frame(SIZE), {LostReason.LOW_CORRELATION, LostReason.DIVERGED}),
        (lambda image: 1 - image, {LostReason.LOW_CORRELATION, LostReason.DIVERGED}),
    ],
    ids=["constant", "nan", "other picture", "negative"],
)
def test_a_frame_that_shows_something_else_ends_the_track_with_its_reason(
    change: Callable[[np.ndarray], np.ndarray], reasons: set[LostReason]
) -> None:
    frames = plate(Texture(14), turning(4))
    frames[2] = (3, change(frames[2][1]))
    results = run(frames, np.array([CENTRE]))
    loss = first_loss(results)
    assert loss is not None
    assert loss[0] == 3
    assert loss[1] in reasons
    assert len(results[3]) == 0


def test_a_jump_to_a_lookalike_is_caught_on_the_way_back() -> None:
    """A texture that repeats every 24 px jumps by 11: the nearest lookalike is 13 px the other way."""
    x, y = np.meshgrid(np.arange(160.0), np.arange(120.0))

    def tile(shift: float) -> np.ndarray:
        k = 2 * np.pi / 24
        return (0.5 + 0.2 * np.sin(k * (x - shift)) * np.sin(k * y)).astype(np.float32)

    frames = [(1, tile(0)), (2, tile(0.5)), (3, tile(1.0)), (4, tile(13.5))]
    results = run(frames, np.array([[78.0, 54.0]]), motion_model="Loc", forward_backward_max=1.0)
    placed = [m.position[0, 0] - 78 for m in results if len(m) and m.tracked[0]]
    assert np.allclose(placed[:3], [0, 0.5, 1.0], atol=0.05)


def test_a_pattern_without_contrast_never_starts() -> None:
    image = np.full((180, 240), 0.5, np.float32)
    results = run([(1, image), (2, image)], np.array([CENTRE]))
    assert results[0].reason.tolist() == [LostReason.DEGENERATE]
    assert len(results[1]) == 0


@pytest.mark.parametrize(
    "position", [(0.0, 0.0), (9.0, 90.0), (239.0, 90.0), (120.0, 171.0), (-50.0, 90.0), (1e9, 1e9)]
)
def test_a_pattern_on_the_border_never_starts(position: tuple[float, float]) -> None:
    frames = plate(Texture(15), turning(2))
    results = run(frames, np.array([position]))
    assert results[0].reason.tolist() == [LostReason.OUT_OF_FRAME]
    assert len(results[1]) == 0


def test_a_pattern_that_just_fits_can_be_tracked() -> None:
    frames = plate(Texture(16), [np.eye(3), np.eye(3)], noise=0)
    corners = np.array([[10.0, 10.0], [229.0, 169.0]])
    results = run(frames, corners, motion_model="Loc")
    assert results[0].tracked.all()
    assert results[1].tracked.all()
    assert np.abs(results[1].position - corners).max() < 1e-3


# -- input --------------------------------------------------------------------------------------------------------


def test_no_seeds_bring_empty_results() -> None:
    results = run(plate(Texture(17), turning(3)), np.zeros((0, 2)))
    assert [len(m) for m in results] == [0, 0, 0]
    assert [m.frame for m in results] == [1, 2, 3]


def test_no_frames_bring_nothing() -> None:
    assert list(track([], Seeds(1, np.array([CENTRE])))) == []


def test_a_3x3_frame_holds_no_pattern() -> None:
    frames = [(1, np.eye(3, dtype=np.float32)), (2, np.eye(3, dtype=np.float32))]
    results = run(frames, np.array([[1.0, 1.0]]))
    assert results[0].reason.tolist() == [LostReason.OUT_OF_FRAME]


def test_frames_that_change_size_are_refused() -> None:
    frames = [(1, np.zeros((180, 240), np.float32)), (2, np.zeros((90, 120), np.float32))]
    with pytest.raises(ParameterError, match=r"frame 2 to be 240x180.*got 120x90"):
        run(frames, np.array([CENTRE]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern_size": 22}, "odd pattern_size"),
        ({"pattern_size": 4.5}, "whole number"),
        ({"motion_model": "Rubber"}, "motion_model as one of Loc, .*; got 'Rubber'"),
        ({"pattern_match": "NEXT"}, "pattern_match"),
        ({"correlation_min": 1.5}, r"correlation_min within -1\.\.1"),
        ({"forward_backward_max": -1.0}, "forward_backward_max"),
        ({"scale_band": 1.0}, "scale_band"),
        ({"shape_change_max": 0.9}, "shape_change_max"),
        ({"threads": 0}, "threads"),
    ],
)
def test_wrong_options_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        TrackOptions(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 1, "positions": np.zeros((2, 3))}, r"\(n, 2\)"),
        ({"frames": [1, 2, 3], "positions": np.zeros((2, 2))}, r"one per position \(2\)"),
        ({"frames": 1.5, "positions": np.zeros((1, 2))}, "whole numbers"),
        ({"frames": 1, "positions": np.array([[np.nan, 1.0]])}, "finite"),
        ({"frames": 1, "positions": np.zeros((2, 2)), "motion_models": ["Loc"]}, "motion_models for 2 tracks, got 1"),
        ({"frames": 1, "positions": np.zeros((1, 2)), "pattern_matches": ["X"]}, "pattern_matches"),
        ({"frames": 1, "positions": np.zeros((1, 2)), "correlation_mins": [7]}, "correlation_mins"),
    ],
)
def test_wrong_seeds_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Seeds(**arguments)
