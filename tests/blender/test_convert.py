"""From tool to tool and from and to .blend files, as a user runs it: in its own process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cinematic.tracking import Clip, TrackData, formats
from cinematic.tracking.blend_file import open_blend, write_blend
from cinematic.tracking.movie_clip import MovieClipStore
from tests.command import answer, run
from tests.plates import Plate, write_sequence
from tests.test_footage import write_windows

TRACKS = [
    TrackData("door", {1001: (0.25, 0.5), 1002: (0.26, 0.5), 1005: (0.3, 0.6)}, correlations={1001: 0.9}),
    TrackData("lamp", {1003: (0.125, 0.75)}, enabled=False),
]


@pytest.fixture
def result(sequence: Path, tmp_path: Path) -> Path:
    """tracks.json of the sequence, 320x240, frames 1001-1024."""
    clip = Clip.open(sequence)
    for track in TRACKS:
        clip.tracks.add(TrackData.from_dict(track.to_dict()))
    clip.save(tmp_path / "tracks.json")
    return tmp_path / "tracks.json"


def test_to_nuke_and_back(result: Path, tmp_path: Path) -> None:
    there = run("convert", result, tmp_path / "a.nk")
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == f"2 tracks as nuke in {tmp_path / 'a.nk'}\n  not in it: correlations (1 track)\n"
    back = run("convert", tmp_path / "a.nk", tmp_path / "b.json", "--size", "320x240")
    assert (back.returncode, back.stderr) == (0, "")
    found = formats.read(tmp_path / "b.json")
    assert [track.name for track in found] == ["door", "lamp"]
    assert found.tracks[0].markers == {f: pytest.approx(co, abs=1e-8) for f, co in TRACKS[0].markers.items()}
    assert not found.tracks[1].enabled


def test_every_switch(result: Path, tmp_path: Path) -> None:
    assert run("convert", result, tmp_path / "a.txt", "--to", "pftrack:v5", "--half-pixel", "edge").returncode == 0
    assert '"door"\n"Primary"\n3\n0 80.000000 120.000000' in (tmp_path / "a.txt").read_text()
    shifted = ["--size", "320x240", "--frame-offset", "100", "--half-pixel", "in:edge", "--half-pixel", "out:centre"]
    told = run("convert", tmp_path / "a.txt", tmp_path / "b.txt", "--from", "pftrack", "--to", "syntheyes", *shifted)
    assert (told.returncode, told.stderr) == (0, "")
    u = 2 * (80 - 0.5) / 319 - 1
    assert (
        f"Door 100 {u:.8f}" in (tmp_path / "b.txt").read_text()
        or f"door 100 {u:.8f}" in (tmp_path / "b.txt").read_text()
    )
    assert told.stdout.count("the plate is taken to begin at frame 1 (--frame-start)") == 1
    plate = ["--size", "320x240", "--frame-start", "1001", "--half-pixel", "edge"]
    assert run("convert", tmp_path / "a.txt", tmp_path / "c.nk", *plate).returncode == 0
    assert "{curve x1001 80.000000" in (tmp_path / "c.nk").read_text()
    assert run("convert", result, tmp_path / "d.txt", "--to", "ae", "--fps", "23.976").returncode == 0
    assert "\tUnits Per Second\t23.976\n" in (tmp_path / "d.txt").read_text()


def test_overscan_for_nuke(result: Path, tmp_path: Path) -> None:
    assert run("convert", result, tmp_path / "a.nk", "--corner", "-20,10").returncode == 0
    assert "{curve x1001 60.000000" in (tmp_path / "a.nk").read_text()  # 80 px from the images' edge
    clip = Clip.open(write_windows(tmp_path / "shot", [(-8, -5), (-8, -5)]))  # -8, -3 from below
    clip.tracks.add(TrackData("middle", {1001: (0.5, 0.5)}))
    clip.save(tmp_path / "b.json")
    for made in ("b.blend", "b.nk"):
        assert run("convert", tmp_path / "b.json", tmp_path / made).returncode == 0
    assert run("convert", tmp_path / "b.blend", tmp_path / "c.nk").returncode == 0
    for made in ("b.nk", "c.nk"):
        assert "{curve x1001 24.000000} {curve x1001 17.000000}" in (tmp_path / made).read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.nk", "a.json"], 1, "No such file"),
        (["tracks.json", "a.txt"], 1, "cannot tell the format of"),
        (["tracks.json", "a.txt", "--to", "ae"], 1, "needs the footage's frame rate: give --fps"),
        (["tracks.json", "tracks.json"], 1, "tracks.json exists already: give --overwrite"),
        (["tracks.json", "a.nk", "--size", "640x480"], 1, "expected the size 320x240 that"),
        (["tracks.json", "a.nk", "--half-pixel", "edge"], 1, "neither of the two has one"),
        (["tracks.json", "a.2dt", "--half-pixel", "middle"], 1, "expected --half-pixel to be one of edge, centre"),
        (["tracks.json", "a.nk", "--half-pixel", "over:edge"], 1, "the side of --half-pixel to be one of in, out"),
        (["tracks.json", "a.2dt", "--to", "pftrack:v9"], 1, "expected the layout of pftrack to be one of 2011, v5"),
        (["broken.nk", "a.json", "--size", "320x240"], 1, "broken.nk:1: expected a Tracker4 or Tracker3 node"),
        (["tracks.json", "a.nk", "--size", "HD"], 2, "expected --size WxH, such as 1920x1080, got 'HD'"),
        (["tracks.json", "a.nk", "--to", "houdini"], 2, "expected --to to be one of nuke"),
        (["tracks.json", "a.nk", "--from", "houdini"], 2, "expected --from to be one of nuke"),
        (["tracks.json", "a.nk", "--corner", "-64"], 2, "expected --corner X,Y, two whole numbers of px, got '-64'"),
        (["tracks.json"], 2, "Missing argument"),
        (["missing.blend", "a.nk"], 1, "No such file"),
        (["broken.blend", "a.nk"], 1, "expected a .blend"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str], code: int, words: str, result: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.nk").write_text("nothing\n")
    (tmp_path / "broken.blend").write_text("nothing\n" * 100)
    before = sorted(tmp_path.iterdir())
    given = [str(tmp_path / a) if "." in a and not a.startswith("-") and number < 2 else a
             for number, a in enumerate(arguments)]  # fmt: skip
    told = answer("convert", *given)
    assert told.returncode == code, told
    assert words in told.stderr
    assert told.stderr.startswith("cinetrack: error: ")
    assert told.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_half_pixel_that_could_mean_either_side(result: Path, tmp_path: Path) -> None:
    assert run("convert", result, tmp_path / "a.2dt").returncode == 0
    told = answer("convert", tmp_path / "a.2dt", tmp_path / "b.txt", "--to", "boujou", "--half-pixel", "edge")
    assert "expected --half-pixel in:VALUE or out:VALUE: both formats have that switch" in told.stderr


def test_the_tracks_of_a_blend(bpy: Any, clip_1001: Any, tmp_path: Path) -> None:
    MovieClipStore(clip_1001).write(TRACKS)
    write_blend(clip_1001, tmp_path / "shot.blend")
    told = run("convert", tmp_path / "shot.blend", tmp_path / "tracks.nk")
    assert (told.returncode, told.stderr) == (0, "")
    text = (tmp_path / "tracks.nk").read_text()
    assert '"door" {curve x1001 80.000000 83.200000 x1005 96.000000} {curve x1001 120.000000' in text
    assert '{curve K x1003 0} "lamp"' in text


def test_into_a_blend_that_is_there(bpy: Any, clip_1001: Any, result: Path, tmp_path: Path) -> None:
    MovieClipStore(clip_1001).write([TrackData("door", {1010: (0.5, 0.5)})])
    write_blend(clip_1001, tmp_path / "shot.blend")
    bpy.context.scene.frame_start = 1005
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    refused = run("convert", result, tmp_path / "shot.blend")
    assert "shot.blend exists already: give --overwrite" in refused.stderr
    told = run("convert", result, tmp_path / "shot.blend", "--overwrite")
    assert (told.returncode, told.stderr) == (0, "")
    assert "not in it: correlations (1 track); names changed (1 track, such as 'door' to 'door.001')" in told.stdout
    clip = open_blend(tmp_path / "shot.blend")
    found = {track.name: track for track in MovieClipStore(clip).read()}
    assert found.keys() == {"door", "door.001", "lamp"}
    assert found["door"].markers == {1010: (0.5, 0.5)}
    assert found["door.001"].markers == {f: pytest.approx(co, abs=1e-6) for f, co in TRACKS[0].markers.items()}
    assert not found["lamp"].enabled
    assert bpy.context.scene.frame_start == 1005  # the artist's own scene is untouched
    assert "Cube" in bpy.data.objects


def test_into_a_new_blend_with_the_footage(bpy: Any, result: Path, sequence: Path, tmp_path: Path) -> None:
    told = run("convert", result, tmp_path / "new.blend")
    assert (told.returncode, told.stderr) == (0, "")
    clip = open_blend(tmp_path / "new.blend")
    assert Path(bpy.path.abspath(clip.filepath)).resolve() == (sequence / "shot.1001.png").resolve()
    assert {track.name for track in clip.tracking.tracks} == {"door", "lamp"}


def test_a_new_blend_needs_footage(result: Path, tmp_path: Path) -> None:
    assert run("convert", result, tmp_path / "a.nk").returncode == 0
    told = run("convert", tmp_path / "a.nk", tmp_path / "new.blend", "--size", "320x240")
    assert "or the footage to make one of, got neither" in told.stderr
    assert not (tmp_path / "new.blend").exists()


def test_a_blend_with_two_clips(bpy: Any, clip_1001: Any, movie: Path, tmp_path: Path) -> None:
    bpy.data.movieclips.load(str(movie)).tracking.tracks.new(name="other", frame=1)
    for clip in bpy.data.movieclips:
        clip.use_fake_user = True  # Blender saves only what is used
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    told = run("convert", tmp_path / "shot.blend", tmp_path / "a.csv")
    assert re.search(r"expected one clip in .*, found 'shot.1001.png', 'shot.mp4' \(--clip\)", told.stderr)
    named = run("convert", tmp_path / "shot.blend", tmp_path / "a.csv", "--clip", "shot.mp4")
    assert named.returncode == 0
    assert "other,1," in (tmp_path / "a.csv").read_text()
    wrong = run("convert", tmp_path / "shot.blend", tmp_path / "b.csv", "--clip", "nothing")
    assert "expected the clip 'nothing' in" in wrong.stderr


def test_a_blend_whose_footage_is_gone(bpy: Any, plate: Plate, tmp_path: Path) -> None:
    """Blender remembers the size and the frames."""
    folder = write_sequence(tmp_path / "plate", plate.frames[:3])
    assert run("track", folder, "-o", tmp_path / "out", "--no-clean").returncode == 0
    for file in folder.iterdir():
        file.unlink()
    told = run("convert", tmp_path / "out" / "shot.blend", tmp_path / "a.json")
    assert (told.returncode, told.stderr) == (0, "")
    found, tracked = (formats.read(path) for path in (tmp_path / "a.json", tmp_path / "out" / "tracks.json"))
    assert (found.size, found.frame_start, found.frame_end) == ((320, 240), 1001, 1003)
    assert [track.markers for track in found] == [track.markers for track in tracked]


def test_track_exports_what_is_asked_for(movie: Path, tmp_path: Path) -> None:
    names = "nuke,ae,3de4,syntheyes,pftrack:v5,colmap,tapvid,csv,cinetrack"
    result = run("track", movie, "-o", tmp_path, "--frames", "1-6", "--export", names)
    assert (result.returncode, result.stderr) == (0, "")
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"shot.nk", "shot.ae.txt", "shot.3de4.txt", "shot.syntheyes.txt", "shot.2dt", "shot.colmap.db",
                    "shot.tapvid.pkl", "shot.csv", "tracks.json", "shot.blend"}  # fmt: skip
    tracks = {track.name: track for track in formats.read(tmp_path / "tracks.json")}
    found = formats.read(tmp_path / "shot.nk", size=(320, 240))
    assert {track.name for track in found} == tracks.keys()
    for track in found:
        assert track.markers == {f: pytest.approx(co, abs=1e-8) for f, co in tracks[track.name].markers.items()}
    assert f"{len(tracks)} tracks as nuke in {tmp_path / 'shot.nk'}" in result.stdout
    again = answer("track", movie, "-o", tmp_path / "new", "--frames", "1-6", "--export", "houdini")
    assert (again.returncode, "expected the format to be one of" in again.stderr) == (2, True)


def test_an_export_that_needs_a_rate_is_refused_before_any_work(sequence: Path, tmp_path: Path) -> None:
    result = answer("track", sequence, "-o", tmp_path / "out", "--export", "ae")
    assert result.returncode == 1
    assert "After Effects keyframe text needs the footage's frame rate: give --fps" in result.stderr
    assert "detecting" not in result.stdout
    assert not (tmp_path / "out").exists()
    quickly = ("--frames", "1001-1006", "--no-clean", "--no-report")
    assert run("track", sequence, "-o", tmp_path / "out", "--export", "ae", "--fps", "24", *quickly).returncode == 0
    assert formats.read(tmp_path / "out" / "shot.ae.txt").fps == 24


def test_an_export_that_is_there_stays(movie: Path, tmp_path: Path) -> None:
    (tmp_path / "shot.nk").write_text("mine")
    result = answer("track", movie, "-o", tmp_path, "--export", "nuke")
    assert "shot.nk exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shot.nk"]
