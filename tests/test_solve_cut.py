"""A camera solve over a cut: one shot is solved, and of the other it is told why it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import Clip, ParameterError, TrackData, TrackingError, auto_track
from cinematic.tracking.camera import solve_camera
from cinematic.tracking.solve.connected import Piece, connected_frames, largest_piece
from cinematic.tracking.store import store_of
from tests.command import run
from tests.plates import smooth_texture, write_movie
from tests.scenes import SIZE, Scene, empty_movie, path, path_error, scene
from tests.test_conformance import loaded_into_blender

LONG, SHORT = 18, 12  # frames of the two shots
CUT = LONG + 1

OPENERS = [
    pytest.param(Clip.open, id="clip"),
    pytest.param(loaded_into_blender, id="blender", marks=pytest.mark.blender),
]


@pytest.fixture(scope="module")
def shots() -> tuple[Scene, Scene]:
    return scene(path(LONG), 100, seed=1), scene(path(SHORT), 100, seed=2)


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("grey") / "shot.mp4", LONG + SHORT)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of two places."""
    return write_movie(tmp_path_factory.mktemp("cut") / "shot.mp4", [*panned(3, LONG), *panned(4, SHORT)])


def panned(seed: int, count: int) -> list[np.ndarray]:
    width, height = SIZE
    texture = smooth_texture((height, width + 4 * count), seed)
    return [np.round(texture[:, 4 * i : 4 * i + width]).astype(np.uint8) for i in range(count)]


def tracks_of(shots: tuple[Scene, Scene]) -> list[TrackData]:
    one, other = (each.tracks for each in shots)
    later = [TrackData(f"u{row}", {f + LONG: p for f, p in t.markers.items()}) for row, t in enumerate(other)]
    return one + later


def on(movie: Path, opened: Callable[[Path], Any], tracks: list[TrackData]) -> Any:
    clip = opened(movie)
    store_of(clip).write(tracks)
    return clip


@pytest.mark.parametrize("opened", OPENERS)
@pytest.mark.parametrize("engine", ["colmap", pytest.param("blender", marks=pytest.mark.blender)])
def test_the_longer_shot_is_solved_and_the_other_named(
    opened: Any, engine: str, cut: Path, shots: tuple[Scene, Scene]
) -> None:
    clip = on(cut, opened, tracks_of(shots))
    solve = solve_camera(clip, focal=900.0, engine=engine)
    assert solve.frames == tuple(range(1, LONG + SHORT + 1))
    assert solve.solved_frames == list(range(1, CUT))
    assert solve.missing == dict.fromkeys(range(CUT, LONG + SHORT + 1), f"cut at frame {CUT}: another shot")
    assert set(solve.bundles) <= {track.name for track in shots[0].tracks}
    assert solve.average_error < 0.5
    assert all(track.enabled for track in store_of(clip).read())
    errors = {track.name for track in store_of(clip).read() if track.average_error is not None}
    assert errors
    assert errors <= {track.name for track in shots[0].tracks}


def test_the_shot_is_solved_as_if_it_were_alone(cut: Path, shots: tuple[Scene, Scene]) -> None:
    solve = solve_camera(on(cut, Clip.open, tracks_of(shots)), focal=900.0)
    alone = solve_camera(on(cut, Clip.open, shots[0].tracks), focal=900.0)
    assert np.array_equal(solve.cameras.translation[:LONG], alone.cameras.translation)
    assert np.isnan(solve.cameras.translation[LONG:]).all()
    assert (solve.bundles, solve.used, solve.average_error) == (alone.bundles, alone.used, alone.average_error)


@pytest.mark.parametrize("opened", OPENERS)
@pytest.mark.parametrize("engine", ["colmap", pytest.param("blender", marks=pytest.mark.blender)])
def test_a_shot_can_be_chosen(opened: Any, engine: str, cut: Path, shots: tuple[Scene, Scene]) -> None:
    clip = on(cut, opened, tracks_of(shots))
    solve = solve_camera(clip, focal=900.0, engine=engine, frames=(CUT, LONG + SHORT))
    assert solve.frames == tuple(range(CUT, LONG + SHORT + 1))
    assert solve.solved_frames == list(solve.frames)
    assert solve.missing == {}
    assert path_error(solve.cameras, shots[1].cameras) < 0.02
    over = solve_camera(clip, focal=900.0, engine=engine, frames=(CUT - 5, LONG + SHORT))
    assert over.missing == dict.fromkeys(range(CUT - 5, CUT), f"cut at frame {CUT}: another shot")


def test_the_tracks_themselves_may_know_of_the_cut(grey: Path, shots: tuple[Scene, Scene]) -> None:
    tracks = tracks_of(shots)
    silent = solve_camera(on(grey, Clip.open, tracks), focal=900.0)
    assert set(silent.missing.values()) == {f"too few tracks go on to frame {CUT} (0, 8 are needed): another piece"}
    tracks[3].lost[CUT] = "cut"
    told = solve_camera(on(grey, Clip.open, tracks), focal=900.0)
    assert set(told.missing.values()) == {f"cut at frame {CUT}: another shot"}


def test_frames_on_either_side_and_between(cut: Path, shots: tuple[Scene, Scene]) -> None:
    """The later shot is solved: the earlier one's tracks end before the cut, and to the last frames seven go on."""
    tracks = tracks_of(shots)
    earlier, later = tracks[:100], tracks[100:]
    for track in earlier:
        track.drop(range(9, CUT))
    going_on = [track.name for track in later if {28, 29} <= set(track.markers)][:7]
    for track in later:
        if track.name not in going_on:
            track.drop((29, 30))
    last = [TrackData(f"v{row}", dict.fromkeys((29, 30), (row / 20, 0.5))) for row in range(20)]
    solve = solve_camera(on(cut, Clip.open, [*tracks, *last]), focal=900.0)
    assert solve.solved_frames == list(range(CUT, 29))
    assert {solve.missing[frame] for frame in range(1, 9)} == {f"cut at frame {CUT}: another shot"}
    assert {solve.missing[frame] for frame in range(9, CUT)} == {"no track has a marker here"}
    assert {solve.missing[frame] for frame in (29, 30)} == {
        "too few tracks go on to frame 29 (7, 8 are needed): another piece"
    }


def test_pieces_of_what_is_seen() -> None:
    seen = np.zeros((30, 12), bool)
    seen[:20, :5] = True
    seen[:7, 5:9] = True  # seven go on
    seen[20:, 5:9] = seen[20:, 10:] = True  # a frame without markers is no break for tracks that come back
    assert connected_frames(seen, 7) == [Piece(0, 11)]
    pieces = connected_frames(seen, 8)
    assert pieces == [Piece(0, 4), Piece(5, 11, 7)]
    assert largest_piece(pieces, seen) == pieces[1]
    seen[:, :3] = True
    assert largest_piece([Piece(0, 2), Piece(5, 7)], seen) == Piece(0, 2)  # as many frames, more markers
    assert connected_frames(np.ones((8, 3), bool), 8) == [Piece(0, 2)]
    assert connected_frames(np.ones((7, 2), bool), 8) == [Piece(0, 0), Piece(1, 1, 7)]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ((5, 99), "frames within 1-30, got 99"),
        ((9, 9), "expected the first of frames below the last, got 9 and 9"),
        (5, "expected frames as the first and the last one, got 5"),
        ("5-9", "expected frames as the first and the last one, got '5-9'"),
    ],
)
def test_frames_that_cannot_be_meant(frames: Any, words: str, grey: Path, shots: tuple[Scene, Scene]) -> None:
    clip = on(grey, Clip.open, shots[0].tracks)
    with pytest.raises(ParameterError) as caught:
        solve_camera(clip, frames=frames)
    assert words in str(caught.value)
    with pytest.raises(TrackingError, match="for a camera solve on frames 20-30, got none"):
        solve_camera(clip, frames=(20, 30))


@pytest.mark.parametrize("arguments", [[], ["--frames", f"{CUT}-{LONG + SHORT}"]], ids=["all", "frames"])
def test_the_command_tells(arguments: list[str], cut: Path, shots: tuple[Scene, Scene], tmp_path: Path) -> None:
    on(cut, Clip.open, tracks_of(shots)).save(tmp_path / "tracks.json")
    told = run("solve", tmp_path, "--focal", "900", *arguments)
    assert (told.returncode, told.stderr) == (0, "")
    why = f"  no camera on frame 19, 20, 21, 22, 23, 24 ...: cut at frame {CUT}: another shot\n"
    if arguments:
        assert f"{SHORT} of {SHORT} frames" in told.stdout
        assert "no camera" not in told.stdout
    else:
        assert f"{LONG} of {LONG + SHORT} frames" in told.stdout
        assert why in told.stdout


def test_a_whole_shot_covered_over_a_cut(cut: Path) -> None:
    """The pictures pan over one plane: what is seen of the cut is what the tracker has left."""
    clip = Clip.open(cut)
    assert auto_track(clip, tracks_per_frame=60).cuts == (CUT,)
    solve = solve_camera(clip, motion="tripod")
    assert {solve.missing[frame] for frame in range(CUT, LONG + SHORT + 1)} == {f"cut at frame {CUT}: another shot"}
