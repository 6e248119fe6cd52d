"""Written and read again, everything is what it was, but for what the format says it cannot hold."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematic.tracking import FormatError, ParameterError, TrackData, formats
from cinematic.tracking.formats.base import Header
from cinematic.tracking.formats.losses import HELD
from tests.formats.samples import CLIP, SIZE, each_layout, form_of, moving_tracks, path_for

FIRST, LAST = CLIP.frame_start, CLIP.frame_end

PRECISION = {
    "nuke": 5e-7, "shake": 5e-7, "3de4": 1e-9, "syntheyes": 5e-9 * SIZE[0] / 2, "pftrack": 5e-7, "boujou": 5e-7,
    "matchmover": 5e-7, "mayalive": 5e-11 * SIZE[0] / 2, "mmsolver": 1e-9, "ae": 5e-7, "colmap": 3e-4,
    "tapvid": 3e-4, "csv": 0.0, "parquet": 0.0, "cinetrack": 0.0,
}  # fmt: skip
"""Half of the last digit that is printed, px; of COLMAP's database and TAP-Vid float32 as far out as 5000 px."""

names = st.sampled_from(["Track", "two words", 'say "cheese"', "it's", "naïve ü 追跡", "#1", "a_b", "x\ty", "line\nend",
                         "{b} [c] $d \\e", "autotrack1", "", " edge "]) | st.text(max_size=12)  # fmt: skip
plate_frames = st.integers(FIRST, LAST)
positions = st.tuples(st.floats(-1.5, 2.5), st.floats(-1.5, 2.5))


def _some(markers: dict[int, Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[int, Any]]:
    """Values on some of the markers' frames."""
    return st.dictionaries(st.sampled_from(sorted(markers)), values, max_size=3) if markers else st.just({})


@st.composite
def tracks(draw: st.DrawFn) -> TrackData:
    markers = draw(st.dictionaries(plate_frames, positions, max_size=12))
    muted = draw(st.dictionaries(plate_frames.filter(lambda frame: frame not in markers), positions, max_size=2))
    return TrackData(
        draw(names),
        markers,
        muted=muted,
        enabled=draw(st.booleans()),
        color=draw(st.none() | st.tuples(*[st.floats(0, 1)] * 3)),
        weight=draw(st.sampled_from([1.0, 0.25])),
        correlations=draw(_some(markers, st.floats(-1, 1))),
        reference_frames=sorted(draw(_some(markers, st.none()))),
    )


@each_layout
@settings(max_examples=30, deadline=None)
@given(written=st.lists(tracks(), max_size=6))
def test_what_goes_in_comes_out(layout: str, written: list[TrackData]) -> None:
    form = form_of(layout)
    with tempfile.TemporaryDirectory() as folder:
        path = path_for(Path(folder), layout)
        result = formats.write(written, path, layout, clip=CLIP)
        found = formats.read(path, form.name, size=SIZE, frame_start=FIRST)

    expected = [track for track in written if _has_room(form.keeps, track)]
    fitted = form.fit_names([track.name for track in expected])
    assert result.tracks == len(found) == len(expected)
    if layout == "colmap:database":  # what matches connect has neither name nor place
        expected.sort(key=lambda track: min(track.markers))
        fitted.sort(key=lambda name: int(name.split()[1]))
    assert [track.name for track in found] == fitted
    for before, after in zip(expected, found, strict=True):
        _same(form.keeps, before, after, PRECISION[form.name])

    told = {loss.what: loss.tracks for loss in result.losses}
    changed = sum(old != new for old, new in zip([t.name for t in expected], fitted, strict=True))
    missing = {what: sum(map(has, written)) for what, has in HELD.items() if what not in form.keeps}
    if layout == "colmap:database":
        changed = told.get("names", 0)
    assert told == {what: count for what, count in {**missing, "names": changed}.items() if count}


def _has_room(keeps: frozenset[str], track: TrackData) -> bool:
    markers = {**track.markers, **track.muted} if "muted" in keeps else track.markers
    return (bool(markers) or "empty" in keeps) and (track.enabled or "disabled" in keeps)


def _same(keeps: frozenset[str], before: TrackData, after: TrackData, precision: float) -> None:
    expected_muted = before.muted if "muted" in keeps else {}
    for expected, found in ((before.markers, after.markers), (expected_muted, after.muted)):
        assert found.keys() == expected.keys()
        if expected:
            away = np.subtract([found[f] for f in expected], [expected[f] for f in expected]) * SIZE
            assert np.abs(away).max() <= precision + 1e-9
    if "disabled" in keeps:
        assert after.enabled == before.enabled
    if "weights" in keeps and before.markers:
        assert after.weight == pytest.approx(before.weight)
    if "reference frames" in keeps:
        assert after.reference_frames == before.reference_frames
    if "correlations" in keeps:
        assert {f: after.correlations[f] for f in before.correlations} == pytest.approx(
            dict(before.correlations), abs=6e-7
        )
    if "colors" in keeps and before.color is not None:
        assert after.color == pytest.approx(before.color, abs=0.5 / 255 + 1e-9)


@each_layout
def test_five_thousand_tracks(layout: str, tmp_path: Path) -> None:
    written = moving_tracks(5000, 3)
    formats.write(written, path_for(tmp_path, layout), layout, clip=CLIP)
    found = formats.read(path_for(tmp_path, layout), form_of(layout).name, size=SIZE, frame_start=FIRST)
    assert len(found) == 5000
    before = np.array([list(track.markers.values()) for track in written])
    after = np.array([list(track.markers.values()) for track in found])
    np.testing.assert_allclose(after * SIZE, before * SIZE, atol=PRECISION[form_of(layout).name] + 1e-9)


@pytest.mark.parametrize(
    "layout",
    ["nuke:tracker4", "shake:text", "3de4:text", "pftrack:2011", "matchmover:rz2", "mayalive:text", "mmsolver:v1",
     "ae:tracker"],
)  # fmt: skip
def test_tracks_come_one_by_one_and_all_or_none(layout: str, tmp_path: Path) -> None:
    """The first is there before the file has been read to where it is broken; what is returned is never a part."""
    path, form = path_for(tmp_path, layout), form_of(layout)
    formats.write(moving_tracks(3, 3), path, layout, clip=CLIP)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10] + b"\xff\n")
    assert next(form.read(path, Header())).name in ("t0", "autotrack0", "Track Point #1")
    with pytest.raises(FormatError, match="expected UTF-8 text"):
        formats.read(path, form.name, size=SIZE)


def test_writing_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        formats.write([], tmp_path / "missing" / "a.nk", clip=CLIP)
    assert caught.value.filename == str(tmp_path / "missing")


def test_everything_of_a_track_survives_tracks_json(tmp_path: Path) -> None:
    full = TrackData(
        "full", {1001: (0.1, 0.2)}, muted={1002: (0.3, 0.4)}, corners={1001: (0.0,) * 8}, locked=True,
        covariances={1001: (1.0, 0.0, 1.0)}, forward_backward={1001: 0.1}, lost={1003: "why"}, average_error=0.4,
        pattern_area=(-3.0, -3.0, 6.0, 6.0), motion_model="Affine", color=(0.1, 0.2, 0.3),
    )  # fmt: skip
    result = formats.write([full], tmp_path / "tracks.json", clip=CLIP)
    assert result.losses == []
    shot = formats.read(tmp_path / "tracks.json")
    assert shot.tracks == [full]
    assert (shot.size, shot.fps, shot.footage, shot.frame_start, shot.frame_end) == (SIZE, 24.0, CLIP.path, 1001, 1040)


@pytest.mark.parametrize("layout", ["nuke:tracker4", "matchmover:rz2"])
def test_areas_survive(layout: str, tmp_path: Path) -> None:
    track = TrackData(
        "a", {1001: (0.5, 0.5)}, pattern_area=(-7.0, -8.0, 15.0, 17.0), search_area=(-20.0, -30.0, 50.0, 64.0)
    )
    formats.write([track], path_for(tmp_path, layout), layout, clip=CLIP)
    (found,) = formats.read(path_for(tmp_path, layout), size=SIZE)
    assert found.pattern_area == pytest.approx(track.pattern_area)
    assert found.search_area == pytest.approx(track.search_area)


def test_frames_shift_on_the_way_in_and_out(tmp_path: Path) -> None:
    track = TrackData("a", {1: (0.5, 0.5)}, correlations={1: 0.9}, corners={1: (0.0,) * 8}, reference_frames=[1])
    formats.write([track], tmp_path / "a.json", size=SIZE, frame_offset=1000)
    (found,) = formats.read(tmp_path / "a.json", frame_offset=-500)
    assert list(found.markers) == list(found.correlations) == list(found.corners) == found.reference_frames == [501]


@pytest.mark.parametrize("layout", ["syntheyes:paths", "pftrack:2011", "boujou:text"])
@pytest.mark.parametrize("half_pixel", ["edge", "centre"])
def test_the_half_pixel_switch_goes_both_ways(layout: str, half_pixel: str, tmp_path: Path) -> None:
    path, form = path_for(tmp_path, layout), form_of(layout)
    formats.write([TrackData("a", {1001: (0.3, 0.7)})], path, layout, clip=CLIP, half_pixel=half_pixel)
    (same,) = formats.read(path, form.name, size=SIZE, frame_start=1001, half_pixel=half_pixel)
    (usual,) = formats.read(path, form.name, size=SIZE, frame_start=1001)
    assert same.markers[1001] == pytest.approx((0.3, 0.7), abs=1e-8)
    off = np.abs(np.subtract(usual.markers[1001], (0.3, 0.7)) * SIZE)
    if half_pixel == form.axes.half_pixel:
        assert off.max() < 1e-5
    else:  # the picture's middle is the same for both ways of SynthEyes: there it is less than half a pixel
        assert 0.1 < off.min() <= off.max() < 0.501


def test_the_switch_is_refused_where_nobody_disagrees(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="the switch is for syntheyes, pftrack, boujou"):
        formats.write([], tmp_path / "a.nk", clip=CLIP, half_pixel="centre")
    assert not list(tmp_path.iterdir())


def test_a_marker_off_the_plate_is_told_where_there_is_no_room_for_it(tmp_path: Path) -> None:
    track = TrackData("a", {1000: (0.1, 0.1), 1001: (0.2, 0.2)})
    result = formats.write([track], tmp_path / "a.pkl", clip=CLIP)
    assert [str(loss) for loss in result.losses] == ["markers outside the plate (1 track)"]
    assert list(formats.read(tmp_path / "a.pkl").tracks[0].markers) == [1001]
    assert list(track.markers) == [1000, 1001]  # the caller's own is untouched


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "houdini"}, "expected the format to be one of nuke, shake"),
        ({"format": "pftrack:v9"}, "expected the layout of pftrack to be one of 2011, v5"),
        ({"size": (0, 5)}, "expected width as whole px of at least 1, got 0"),
        ({"size": "HD"}, "expected width as whole px"),
        ({"size": 5}, r"expected size as \(width, height\), got 5"),
        ({"clip": None}, "needs the footage's size: give --size WxH"),
        ({"format": "ae", "clip": replace(CLIP, fps=None)}, "needs the footage's frame rate: give --fps"),
        ({"fps": 0}, "expected fps above 0"),
        ({"frame_offset": 1.5}, "expected frame_offset as a whole number"),
        ({"tracks": [TrackData("x", {1: (float("nan"), 0)})]}, "got .nan, .* on frame 1 of 'x'"),
        ({"tracks": [TrackData("x", {1: (1e30, 0)})]}, "expected positions within 1e.09"),
        ({"tracks": [TrackData("x", {10**9: (0, 0)})]}, "expected frames within 10000000"),
        ({"half_pixel": "middle", "format": "boujou"}, "expected half_pixel to be one of edge, centre"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"tracks": [], "format": "nuke", "clip": CLIP, **change}
    with pytest.raises(ParameterError, match=words):
        formats.write(arguments.pop("tracks"), tmp_path / "a", **arguments)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.nk"
    path.write_text("mine")
    with pytest.raises(ParameterError, match=r"a.nk exists already: give --overwrite"):
        formats.write([], path, clip=CLIP)
    assert path.read_text() == "mine"
    formats.write([], path, clip=CLIP, overwrite=True)
    assert "Tracker4" in path.read_text()


def test_a_colmap_folder_keeps_what_else_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    formats.write(moving_tracks(2, 3), folder, "colmap", clip=CLIP)
    (folder / "notes.md").write_text("mine")
    formats.write(moving_tracks(3, 3), folder, "colmap", clip=CLIP, overwrite=True)
    assert sorted(p.name for p in folder.iterdir()) == ["cameras.txt", "images.txt", "notes.md", "points3D.txt"]
    assert len(formats.read(folder)) == 3
    assert list(tmp_path.iterdir()) == [folder]


def test_what_was_taken_for_granted_is_told(tmp_path: Path) -> None:
    result = formats.write(moving_tracks(1, 2, first=1), tmp_path / "a.txt", "3de4", size=SIZE)
    assert result.notes == ["the plate is taken to begin at frame 1 (--frame-start)"]
    assert formats.read(tmp_path / "a.txt", "3de4", size=SIZE).notes == result.notes
    assert formats.read(tmp_path / "a.txt", "3de4", size=SIZE, frame_start=1).notes == []
