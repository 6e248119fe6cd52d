"""Where a point lands in each tool: a corner that can be seen in an image, against what the format's own side says.

The image has a white rectangle whose top-left corner lies between the 4th and 5th column and the 3rd and 4th row.
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cinematic.tracking import TrackData, formats
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.errors import ParameterError
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.types import ClipInfo
from tests.formats.samples import LAYOUTS, path_for

WIDTH, HEIGHT = 16, 10
CLIP = ClipInfo("/plates/shot.1001.exr", WIDTH, HEIGHT, 24.0, 1001, 1010)


@pytest.fixture(scope="module")
def corner() -> npt.NDArray[np.float64]:
    """The rectangle's corner as it is found in the image: normalised."""
    image = np.zeros((HEIGHT, WIDTH))
    image[3:8, 4:12] = 1.0
    row, column = np.argwhere(image)[0]  # the corner's own pixel
    return co_from_pixels((column - 0.5, row - 0.5), (WIDTH, HEIGHT))


EXPECTED = {
    # 4 columns from the left and 3 rows from the top; of 10 rows that is 7 from the bottom; frame 1003 of 1001-1010
    "nuke:tracker4": ["{curve x1003 4.000000} {curve x1003 7.000000}"],
    "shake:text": ["   1003.00   4.000000   7.000000   1.000000"],
    "3de4:text": ["3 4.000000000000000 7.000000000000000"],
    "syntheyes:paths": [f"corner 2 {2 * 4 / 16 - 1:.8f} {2 * 3 / 10 - 1:.8f} 15"],
    "pftrack:2011": ['"corner"\n1\n1\n3 3.500000 6.500000 0.000'],  # pixel centres are whole: half a pixel less
    "pftrack:v5": ['"corner"\n"Primary"\n1\n2 3.500000 6.500000 0.000'],
    "boujou:text": ["corner  3  4.000000  3.000000"],
    "matchmover:rz2": ["\t1003\t   4.000000     3.000000    ki(", "\t16\t10\tf(", "b( 1001 1010 1 )", "shot.%04d.exr"],
    "mayalive:text": ["# Size  16  10  1.600000", "0 2 -0.8000000000 0.4000000000 0"],  # x of -1.6 to 1.6, y of -1 to 1
    "mmsolver:v1": ["1003 0.250000000000000 0.700000000000000 1.000000"],
    "ae:tracker": ["\t2\t4.000000\t3.000000\n", "\tSource Width\t16\n\tSource Height\t10\n", "Feature Center"],
    "ae:null": ["Transform\tPosition\n\tFrame\tX pixels\tY pixels\tZ pixels\n\t2\t4.000000\t3.000000\t0\n"],
    "csv:table": ["corner,1003,0.25,0.7,"],
}


@pytest.mark.parametrize("layout", EXPECTED)
def test_the_text_says_where_the_corner_is(layout: str, corner: npt.NDArray[np.float64], tmp_path: Path) -> None:
    path = path_for(tmp_path, layout)
    formats.write([TrackData("corner", {1003: tuple(corner.tolist())})], path, layout, clip=CLIP)
    text = path.read_text(encoding="utf-8")
    for part in EXPECTED[layout]:
        assert part in text


def test_every_other_layout_is_checked_below() -> None:
    rest = {"mmsolver:json", "colmap:database", "colmap:text", "tapvid:pickle", "tapvid:npz", "parquet:table"}
    assert set(LAYOUTS) - set(EXPECTED) == {*rest, "cinetrack:json"}


def test_half_pixels_as_tracksperanto_counts_syntheyes(corner: npt.NDArray[np.float64], tmp_path: Path) -> None:
    track = TrackData("corner", {1003: tuple(corner.tolist())})
    formats.write([track], tmp_path / "a.txt", "syntheyes", clip=CLIP, half_pixel="centre")
    u, v = (float(word) for word in (tmp_path / "a.txt").read_text().split()[2:4])
    assert u == pytest.approx(2 * ((4 - 0.5) / (WIDTH - 1) - 0.5), abs=1e-8)
    assert v == pytest.approx(2 * ((3 - 0.5) / (HEIGHT - 1) - 0.5), abs=1e-8)


@pytest.mark.parametrize("layout", ["nuke:tracker4", "shake:text"])
def test_nuke_counts_from_the_pictures_corner(layout: str, corner: npt.NDArray[np.float64], tmp_path: Path) -> None:
    path, track = path_for(tmp_path, layout), TrackData("autotrack1", {1003: tuple(corner.tolist())})
    overscan = replace(CLIP, corner=(-5, -2))  # the image begins 5 px left of the picture and 2 below it
    formats.write([track], path, layout, clip=overscan)
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d{6}", path.read_text())]
    assert numbers[:2] == [4.0 - 5.0, 7.0 - 2.0]
    size, told = (WIDTH, HEIGHT), (-5, -2)
    shot = formats.read(path, layout.partition(":")[0], size=size, corner=told)
    assert shot.tracks[0].markers[1003] == pytest.approx(track.markers[1003])
    formats.write(shot, tmp_path / "tracks.json", frame_start=1001)
    assert cinetrack.read(tmp_path / "tracks.json")[0].corner == told
    formats.write(formats.read(tmp_path / "tracks.json"), path, layout, overwrite=True)
    assert [float(number) for number in re.findall(r"-?\d+\.\d{6}", path.read_text())] == numbers
    formats.write(shot, tmp_path / "tracks.csv", clip=overscan)
    assert formats.read(tmp_path / "tracks.csv").tracks[0].markers[1003] == pytest.approx(track.markers[1003])


def test_a_corner_is_two_whole_numbers(tmp_path: Path) -> None:
    for wrong in ((1.5, 2), (1, 2, 3), 7):
        with pytest.raises(ParameterError, match=r"expected corner as \(x, y\), two whole numbers"):
            formats.write([], tmp_path / "a.nk", clip=CLIP, corner=wrong)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_mmsolver_json(corner: npt.NDArray[np.float64], tmp_path: Path) -> None:
    formats.write([TrackData("corner", {1003: tuple(corner.tolist())})], tmp_path / "a.uv", clip=CLIP)
    (point,) = json.loads((tmp_path / "a.uv").read_text())["points"]
    (row,) = point["per_frame"]
    assert (row["frame"], row["pos"], row["pos_dist"]) == (1003, pytest.approx([0.25, 0.7]), pytest.approx([0.25, 0.7]))


def test_colmap_counts_the_first_pixels_centre_as_one_half(tmp_path: Path) -> None:
    first_pixel = TrackData("a", {1001: tuple(co_from_pixels((0, 0), (WIDTH, HEIGHT)).tolist())})
    formats.write([first_pixel], tmp_path / "a.db", clip=CLIP)
    formats.write([first_pixel], tmp_path / "model", "colmap", clip=CLIP)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        ((name,),) = connection.execute("SELECT name FROM images")
        ((data,),) = connection.execute("SELECT data FROM keypoints")
    assert name == "shot.1001.exr"
    assert np.frombuffer(data, "<f4").tolist() == [0.5, 0.5]
    assert "shot.1001.exr\n0.500000 0.500000 1\n" in (tmp_path / "model" / "images.txt").read_text()


def test_parquet_holds_what_tracks_json_holds(corner: npt.NDArray[np.float64], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    formats.write([TrackData("corner", {1003: tuple(corner.tolist())})], tmp_path / "a.parquet", clip=CLIP)
    (row,) = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert (row["track"], row["frame"], row["x"], row["y"]) == ("corner", 1003, 0.25, pytest.approx(0.7))


def test_a_movie_begins_at_frame_one(tmp_path: Path) -> None:
    movie = ClipInfo("/plates/shot.mp4", WIDTH, HEIGHT, 24.0, 1, 10)
    track = [TrackData("a", {1: (0.5, 0.5)})]
    formats.write(track, tmp_path / "a.nk", clip=movie)
    formats.write(track, tmp_path / "3de4.txt", "3de4", clip=movie)
    formats.write(track, tmp_path / "ae.txt", "ae", clip=movie)
    formats.write(track, tmp_path / "a.db", clip=movie)
    assert "{curve x1 8.000000}" in (tmp_path / "a.nk").read_text()
    assert "\n1 8.0" in (tmp_path / "3de4.txt").read_text()
    assert "\n\t0\t8.0" in (tmp_path / "ae.txt").read_text()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT name FROM images").fetchall() == [("shot.0001.png",)]


def test_nuke_is_told_where_there_is_no_marker(tmp_path: Path) -> None:
    track = TrackData("a", {1001: (0.5, 0.5), 1002: (0.5, 0.5), 1005: (0.5, 0.5), 1006: (0.5, 0.5)})
    formats.write([track, TrackData("off", {1001: (0.5, 0.5)}, enabled=False)], tmp_path / "a.nk", clip=CLIP)
    text = (tmp_path / "a.nk").read_text()
    assert '{curve K x1000 0 x1001 1 x1003 0 x1005 1 x1007 0} "a" ' in text
    assert "{curve x1001 8.000000 8.000000 x1005 8.000000 x1006 8.000000}" in text
    assert '{curve K x1001 0} "off" ' in text
    assert "{ 1 31 2 }" in text
