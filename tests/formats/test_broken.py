"""Broken files: a FormatError with the line and the reason; never a hang, never half of what was there."""

from __future__ import annotations

import json
import pickle
import re
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematic.tracking import FormatError, TrackData, formats
from cinematic.tracking.formats import FORMATS, Shot
from tests.formats.samples import CLIP, COUNTED, LAYOUTS, SIZE, each_layout, form_of, path_for

WRITTEN = [
    TrackData("one", {1001: (0.25, 0.5), 1002: (0.26, 0.51), 1005: (0.3, 0.5)}, correlations={1001: 0.5}),
    TrackData("two", {1003: (0.75, 0.25)}),
    TrackData("three", {1001: (0.125, 0.5), 1040: (0.5, 0.5)}),
]
FILES = [layout for layout in LAYOUTS if layout != "colmap:text"]
TEXTS = [layout for layout in FILES if not form_of(layout).name.startswith(("colmap", "tapvid", "parquet"))]
SAYS_SIZE = ("matchmover", "mayalive", "ae", "colmap", "cinetrack", "parquet")


JUNK = [b"nan", b"1e999", b"-", b"{", b"}", b"\n"]


@cache
def whole(layout: str) -> bytes:
    """A whole file of each layout."""
    with tempfile.TemporaryDirectory() as folder:
        path = path_for(Path(folder), layout)
        formats.write(WRITTEN, path, layout, clip=CLIP)
        return path.read_bytes()


def read(layout: str, content: bytes) -> Shot:
    name = form_of(layout).name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tracks")
        path.write_bytes(content)
        return formats.read(path, name, size=None if name in SAYS_SIZE else SIZE, frame_start=CLIP.frame_start)


@pytest.mark.parametrize("layout", FILES)
def test_cut_off_anywhere(layout: str) -> None:
    content = whole(layout)
    positions = [list(track.markers.items()) for track in read(layout, content)]
    end = len(content.rstrip())
    step = max(1, end // 400)
    for length in range(1, end, step):
        try:
            found = read(layout, content[:length])
        except FormatError:
            continue
        # Without a count or an end mark, what is cut off between two lines looks whole; half a line never does.
        assert layout not in COUNTED, f"{length} of {end} bytes were taken for a whole file"
        assert content[:length].endswith(b"\n") or form_of(layout).name in (
            "pftrack",
            "matchmover",
            "ae",
        )  # whole blocks
        for before, track in zip(positions, found, strict=False):
            after = list(track.markers.items())
            assert after == before[: len(after)]


@pytest.mark.parametrize("layout", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_bytes_replaced_anywhere(layout: str, data: st.DataObject) -> None:
    content = bytearray(whole(layout))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        junk = data.draw(st.binary(max_size=4) | st.sampled_from(JUNK))
        content[place : place + data.draw(st.integers(0, 4))] = junk or b"x"
        content = content or bytearray(b"x")
    try:
        shot = read(layout, bytes(content))
    except FormatError:
        return
    for track in shot:
        assert np.isfinite(list(track.markers.values())).all()


@pytest.mark.parametrize("layout", FILES)
@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=200))
def test_binary_junk(layout: str, content: bytes) -> None:
    try:
        shot = read(layout, content)
    except FormatError:
        return
    assert not shot.tracks  # blank lines or comments, of a format that needs no more
    assert form_of(layout).name in ("shake", "syntheyes", "pftrack")


@pytest.mark.parametrize("layout", TEXTS)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "9" * 400, "1_0", "0x10", "--1", "٫"])
def test_a_number_that_is_none(layout: str, number: str) -> None:
    """The first position's first coordinate is replaced."""
    text = whole(layout).decode()
    track = {"nuke": r'("one" \{curve x1001 )(\S+)', "mmsolver:json": r'("pos_dist": \[)([^,]+)',
             "cinetrack": r'("1001":\[)([^,]+)', "csv": r"(one,1001,)([^,]+)", "shake": r"(1001.00 +)(\S+)",
             "matchmover": r"(\t1001\t +)(\S+)", "boujou": r"(one  1  )(\S+)", "syntheyes": r"(One 0 |one 0 )(\S+)",
             "mayalive": r"(0 0 )(\S+)", "mmsolver:v1": r"(1001 )(\S+)", "ae": r"(\t0\t)(\S+)",
             "3de4": r"(\n1 )(\S+)", "pftrack:2011": r"(\n1 )(\S+)", "pftrack:v5": r"(\n0 )(\S+)"}  # fmt: skip
    pattern = track.get(layout) or track[form_of(layout).name]
    broken, count = re.subn(pattern, rf"\g<1>{number}", text, count=1)
    assert count == 1
    with pytest.raises(FormatError) as caught:
        read(layout, broken.encode())
    assert re.match(r"\S+tracks:(\d+:)? .*expected", str(caught.value)), caught.value
    assert len(str(caught.value)) < 400


MISTAKES = [
    ("nuke", b"{ 1 31 3 }", b"{ 1 31 4 }", "expected 4 tracks, got 3"),
    ("nuke", b"Tracker4", b"Blur", "expected a Tracker4 or Tracker3 node, found none"),
    ("nuke", b" 0 0 -10.5", b" 0 -10.5", "expected a track of 31 columns, got 30"),
    ("nuke", b'"one"', b'"one', 'closing "'),
    ("nuke", b"{curve x1001 480", b"{curve 480", "expected a curve to begin with a frame"),
    ("nuke", b"track_x track_x", b"track_z track_z", "expected the columns name, track_x and track_y"),
    ("3de4", b"3\n", b"4\n", ":17: expected a point's name, got the end of the file"),
    ("3de4", b"3\n", b"2\n", "expected 2 points and nothing behind them"),
    ("3de4", b"one\n0\n3\n", b"one\n0\n2\n", ":7: expected the number|:7: expected a point|:8: expected"),
    ("3de4", b"one\n0\n3\n", b"one\n0\n-3\n", ":4: expected the number of frames as a whole number from 0"),
    ("3de4", b"\n2 ", b"\n1 ", "expected each frame once, got frame 1 twice"),
    ("3de4", b"\n2 ", b"\n2.5 ", ":6: expected a frame as a whole number"),
    ("3de4", b"\n2 ", b"\n99999999999 ", ":6: expected a frame as a whole number"),
    ("shake", b"Correlation", b"Corr", ":2: expected Frame X Y Correlation"),
    ("shake", b"TrackName autotrack0", b"autotrack0", ":1: expected TrackName NAME"),
    ("syntheyes", b" 15\n", b"\n", ":1: expected name, frame, u, v and outcome"),
    ("syntheyes", b" 15\n", b" 999\n", ":1: expected an outcome as a whole number from 0 to 255"),
    ("pftrack", b"\n3\n", b"\n2\n", ":6: expected a track's name in double quotes"),
    ("boujou", b"view", b"frame", "expected the columns # track_id view x y"),
    ("matchmover", b"ki(", b"zz(", "expected frame, x, y and ki"),
    ("matchmover", b"imageSequence", b"imageSeq", ":1: expected imageSequence or pointTrack"),
    ("matchmover", b"1920\t1080", b"1920", "expected width, height, f"),
    ("matchmover", b"1920\t1080", b"0\t1080", "expected pixels as a whole number from 1"),
    ("mayalive", b"# Size  1920", b"# Size ", ":1: expected pixels as a whole number"),
    ("mayalive", b"# Size", b"# Shape", ":1: expected # Size WIDTH HEIGHT"),
    ("mmsolver:json", b'"num_points": 3', b'"num_points": 5', "expected '5' points, got 3"),
    ("mmsolver:json", b'"version": 3', b'"version": 9', "expected version 2, 3, 4, 5, got '9'"),
    ("mmsolver:json", b'"name": "one"', b'"name": 1', "expected a point's name as text"),
    ("ae", b"End of Keyframe Data", b"", "expected End of Keyframe Data, got the end of the file"),
    ("ae", b"Source Width", b"Width", "expected Source Width before the keyframes"),
    ("ae", b"\t24\r", b"\t0\r", "expected Units Per Second above 0"),
    ("csv", b"frame", b"time", ":1: expected the columns track, frame, x, y"),
    ("csv", b",0.5,", b",", ":2: expected 8 columns, got 7"),
    ("csv", b"one,1001", b'"one,1001', "expected"),
    ("csv", b"0,0,1\n", b"0,maybe,1\n", "expected keyed as 0 or 1, got 'maybe'"),
    ("cinetrack", b"tracks", b"trucks", "expected a list of tracks"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "reason"), MISTAKES, ids=[f"{m[0]} {m[3][:40]}" for m in MISTAKES])
def test_a_mistake_is_named(name: str, old: bytes, new: bytes, reason: str) -> None:
    layout = next(layout for layout in FILES if layout.startswith(name))
    assert old in whole(layout)
    with pytest.raises(FormatError, match=reason if "|" in reason else re.escape(reason)):
        read(layout, whole(layout).replace(old, new, 1))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "9" * 10_000, '{"version": 3'])
@pytest.mark.parametrize("name", ["cinetrack", "mmsolver"])
def test_json_that_is_too_deep_or_too_long(text: str, name: str) -> None:
    with pytest.raises(FormatError):
        read(f"{name}:json", text.encode())


def test_a_nuke_list_that_is_too_deep() -> None:
    with pytest.raises(FormatError, match=":2: expected lists nested at most 8 deep"):
        read("nuke:tracker4", b"Tracker4 {\n tracks " + b"{" * 100_000)


@each_layout
def test_an_empty_file(layout: str, tmp_path: Path) -> None:
    name = form_of(layout).name
    (tmp_path / "a").touch()
    if name in ("syntheyes", "shake", "pftrack"):  # no header, no count: nothing is a file without tracks
        assert formats.read(tmp_path / "a", name, size=SIZE, frame_start=1).tracks == []
    else:
        with pytest.raises(FormatError, match="expected"):
            formats.read(tmp_path / "a", name, size=SIZE)


@each_layout
def test_a_missing_file(layout: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        formats.read(tmp_path / "missing", form_of(layout).name, size=SIZE)


NO_CHARACTERS = np.full(2, 0x6E000000, dtype=np.uint32).view("<U2")


class _Evil:
    def __reduce__(self) -> Any:
        return (Path("/tmp/cinetrack-was-here").touch, ())


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(_Evil()),
        pickle.dumps({"points": _Evil(), "occluded": _Evil()}),
        pickle.dumps({"points": np.array([print], dtype=object)}),
        b"cos\nsystem\n(S'true'\ntR.",
        b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        b"\x80\x04" + b"r\xff\xff\xff\x7f" + b".",  # a memo of two thousand million entries
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x.",  # bytes without end
    ],
)
def test_a_pickle_that_runs_something_does_not(content: bytes) -> None:
    with pytest.raises(FormatError, match="expected"):
        read("tapvid:pickle", content)
    assert not Path("/tmp/cinetrack-was-here").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"points": np.zeros((2, 3))}, r"expected points as numbers \[N, T, 2\], got float64 \[2, 3\]"),
        ({"points": np.full((1, 1, 2), np.nan), "occluded": np.zeros((1, 1), bool)}, "got nan .track 0, frame 0"),
        ({"points": np.zeros((1, 2, 2))}, r"expected occluded as truth values \[1, 2\], got NoneType"),
        ({"a": {"points": np.zeros((0, 0, 2))}, "b": {"points": np.zeros((0, 0, 2))}}, "expected one video, got 2"),
        (
            {"points": np.zeros((1, 1, 2)), "occluded": np.zeros((1, 1), bool), "names": NO_CHARACTERS},
            "expected names of Unicode characters",
        ),
        ([], "expected points and occluded"),
        ("text", "expected points and occluded"),
    ],
)
def test_arrays_of_the_wrong_shape(change: Any, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read("tapvid:pickle", pickle.dumps(change))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE keypoints SET rows = 100", "expected 100 x 2 numbers, got"),
        ("UPDATE keypoints SET cols = 3", "x 3 numbers"),
        ("UPDATE keypoints SET data = 'text'", "numbers, got 0 bytes"),
        ("UPDATE keypoints SET data = x'0000c07f0000c07f' WHERE rows = 1", "expected numbers within"),
        ("UPDATE two_view_geometries SET data = x'ffffffff00000000' WHERE rows = 1", "a keypoint of image"),
        ("DELETE FROM keypoints WHERE image_id = 1", "a keypoint of image 1 is not there"),
        ("DELETE FROM images WHERE image_id = 1", "keypoints of image 1, which is not there"),
        ("UPDATE images SET name = 'picture' WHERE image_id = 1", "expected a frame number in the image's name"),
        ("UPDATE images SET name = 'b1002.png' WHERE image_id = 1", "expected one image per frame"),
        ("DELETE FROM cameras", "expected cameras of one size, got"),
        ("DROP TABLE matches; DROP TABLE two_view_geometries", "no such table"),
    ],
)
def test_a_database_that_contradicts_itself(statement: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    formats.write(WRITTEN, path, clip=CLIP)
    with sqlite3.connect(path) as connection:
        connection.executescript(statement)
    with pytest.raises(FormatError, match=reason):
        formats.read(path)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("images.txt", "480.000000 540.000000 1", "480.000000 540.000000", "numbers"),
        ("images.txt", "480.000000", "nan", "expected a number"),
        ("images.txt", "shot.1002", "shot.1001", "a new frame"),
        ("cameras.txt", "1920", "wide", "expected a width"),
    ],
)
def test_a_text_model_with_a_mistake(name: str, old: str, new: str, reason: str, tmp_path: Path) -> None:
    formats.write(WRITTEN, tmp_path / "model", "colmap", clip=CLIP)
    file = tmp_path / "model" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(FormatError, match=rf"{name}:\d+: expected.*{reason}|{name}:\d+: {reason}"):
        formats.read(tmp_path / "model")


def test_a_point_seen_twice_in_one_image_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    formats.write(WRITTEN, path, clip=CLIP)
    with sqlite3.connect(path) as connection:
        both = np.array([[0, 0], [1, 0]], dtype="<u4").tobytes()  # "one" and "three" of frame 1001 meet in 1002
        connection.execute("UPDATE two_view_geometries SET rows = 2, data = ? WHERE pair_id = 2147483647 + 2", (both,))
    shot = formats.read(path)
    assert [len(track.markers) for track in shot] == [1]
    assert shot.notes == ["1 points that are found twice in one image are no tracks and were passed over"]


def test_parquet_with_a_null_where_a_number_must_be(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"track": ["a"], "frame": [1], "x": [None], "y": [0.5]}), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=r"a.parquet:1: expected a number within 1e.09, got None"):
        formats.read(tmp_path / "a.parquet")
    parquet.write_table(arrow.table({"track": ["a"], "frame": [1], "x": [0.5]}), tmp_path / "b.parquet")
    with pytest.raises(FormatError, match="expected the columns track, frame, x, y, got no y"):
        formats.read(tmp_path / "b.parquet")


def test_every_format_is_here() -> None:
    assert list(FORMATS) == ["nuke", "shake", "3de4", "syntheyes", "pftrack", "boujou", "matchmover", "mayalive",
                             "mmsolver", "ae", "colmap", "tapvid", "csv", "parquet", "cinetrack"]  # fmt: skip
    assert json.dumps(sorted(COUNTED))
