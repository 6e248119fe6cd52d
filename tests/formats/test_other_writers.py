"""Files as the tools themselves write them, not as this package does."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import formats
from cinematic.tracking.formats import Shot

SIZE = (100, 50)


def read(tmp_path: Path, text: str, name: str, **options: Any) -> Shot:
    path = tmp_path / "given"
    path.write_bytes(text.encode())
    return formats.read(path, name, **{"size": SIZE, **options})


def px(shot: Shot, track: int = 0) -> dict[int, tuple[float, ...]]:
    """Positions from the bottom-left corner, px."""
    return {f: tuple(np.round(np.multiply(co, SIZE), 6).tolist()) for f, co in shot.tracks[track].markers.items()}


def test_nuke_7_with_other_nodes_slopes_and_expressions(tmp_path: Path) -> None:
    shot = read(
        tmp_path,
        """version 7.0 v2
define_window_layout_xml {<?xml version=\\"1.0\\"?>
    <layout version=\\"1.0\\"> </layout>
}
Root { inputs 0
}
Tracker4 {
tracks { { 1 5 3 }
{ { 5 1 20 enable e }
{ 3 1 75 name name }
{ 2 1 58 track_x track_x }
{ 2 1 58 track_y track_y }
{ 2 0 45 error error }
}
{
 { {curve K x1 1 x5 0} "track \\"1\\"" {curve x1 10 11.5 s0.5 x5 20} {curve i x1 5 6 x5 7} {curve x1 0} }
 { {curve K x1 0} {two words} {curve x-2 1} {curve x-2 2} {} }
 { 1 still 12.5 {parent.x} {} }
}
}

translate {{curve x1 0 6.2} {curve x1 0 -2}}
name Tracker1
label "a } in a string"
}
Viewer {
name Viewer1
}
Tracker3 {
 track1 {{curve i x3 1 2} {curve i x3 3 4}}
 track2 {{5} {6}}
 name Old
}
""",
        "nuke",
    )
    assert [track.name for track in shot] == ['track "1"', "two words", "still", "Old_track1", "Old_track2"]
    assert px(shot) == {1: (10, 5), 2: (11.5, 6)}
    assert list(shot.tracks[0].muted) == [5]
    assert (shot.tracks[1].enabled, px(shot, 1)) == (False, {-2: (1, 2)})
    assert px(shot, 2) == px(shot, 4) == {}
    assert px(shot, 3) == {3: (1, 3), 4: (2, 4)}


def test_a_nuke_tracker_that_was_never_used(tmp_path: Path) -> None:
    assert len(read(tmp_path, "Tracker4 {\n tracks { }\n name Tracker1\n}\n", "nuke")) == 0


def test_shake(tmp_path: Path) -> None:
    text = "TrackName track1\n   Frame             X             Y   Correlation\n   1.00   10.000   20.500   0.93\n\n"
    shot = read(tmp_path, text, "shake")
    assert (px(shot), shot.tracks[0].correlations) == ({1: (10, 20.5)}, {1: 0.93})


def test_3de4(tmp_path: Path) -> None:
    shot = read(tmp_path, "2\n01\n0\n2\n40 40.5 23.25\n42 41 24\nempty\n5\n0\n", "3de4", frame_start=1001)
    assert [track.name for track in shot] == ["01", "empty"]
    assert px(shot) == {1040: (40.5, 23.25), 1042: (41, 24)}


def test_syntheyes_with_interleaved_trackers(tmp_path: Path) -> None:
    lines = ["Tracker1 0 0.5 0.5 15", "Tracker2 0 -1.0 -1.0 13", "Tracker1 1 0.5 0.25 3", "Tracker2 1 0 0 5"]
    shot = read(tmp_path, "\n".join(lines) + "\n", "syntheyes")
    assert px(shot) == {1: (75, 12.5)}
    assert list(shot.tracks[0].muted) == [2]  # 3: no usable position
    assert (shot.tracks[1].enabled, px(shot, 1)) == (False, {1: (0, 50), 2: (50, 25)})  # never with 2: switched off


@pytest.mark.parametrize(("clip", "first"), [("1\n", 1), ('"Primary"\n', 0), ("", 1)], ids=["2011", "v5", "v4"])
def test_pftrack_of_every_version(tmp_path: Path, clip: str, first: int) -> None:
    text = f'# a comment\n"Feature one"\n{clip}2\n37 9.5 19.5 0.1\n38 10.5 20.5 0.1 7.5\n\n"none"\n{clip}0\n'
    shot = read(tmp_path, text.replace("\n", "\r\n"), "pftrack")
    assert [track.name for track in shot] == ["Feature one", "none"]
    assert px(shot) == {37 + 1 - first: (10, 20), 38 + 1 - first: (11, 21)}


def test_boujou(tmp_path: Path) -> None:
    head = "# boujou 2d tracks export: text\n# boujou version: 4.1.0 28444\n# Creation date : today\n#\n"
    shot = read(tmp_path, f"{head}# track_id    view      x    y\nTarget_track_1  5  25.046  17.677\n", "boujou")
    assert px(shot) == {5: (25.046, 50 - 17.677)}


def test_matchmover_without_correlations(tmp_path: Path) -> None:
    head = 'imageSequence\t"Sequence 01"\n{\n\t100\t50\tf( "/p/a.%04d.dpx" )\tb( 1 9 1 )\t\n}\n'
    shot = read(tmp_path, f'{head}pointTrack  "a"  rgb( 0 255 0 )\t\n{{\n\t7\t333.5  106.25\n}}\n', "matchmover")
    assert (px(shot), dict(shot.tracks[0].correlations)) == ({7: (333.5, 50 - 106.25)}, {})


def test_matchmover_with_a_path_over_several_lines(tmp_path: Path) -> None:
    text = (
        'imageSequence\t"Sequence 01"\n{\n\t100\t50\tf( "/p/a\nb.%04d.dpx" )\tb( 1001 1256 1 )\t\n}\n'
        'pointTrack  "Track 01"  rgb( 255 0 0 )\t\n{\n'
        "\t1120\t   10.5     42.25    ki( 0.8 )\t    s( 28 30 33 35 )  p( 10 11 8 9 )\n"
        "\t1122\t   28.0     13.0     p+( 0.926994 )\t\n\t1123\t 28.0 13.0 p*( 0.5 )\n}\n"
    )
    shot = read(tmp_path, text, "matchmover")
    assert (shot.size, shot.footage, shot.frame_start, shot.frame_end) == (SIZE, "/p/ab.%04d.dpx", 1001, 1256)
    assert px(shot) == {1120: (10.5, 7.75), 1122: (28, 37), 1123: (28, 37)}
    (track,) = shot
    assert (track.color, track.reference_frames, track.correlations[1122]) == ((1, 0, 0), [1120], 0.926994)
    assert (track.search_area, track.pattern_area) == ((-28, -35, 58, 68), (-10, -9, 21, 17))


@pytest.mark.parametrize("aspect", ["", " 2", " 2.00"])
def test_maya_live(tmp_path: Path, aspect: str) -> None:
    shot = read(tmp_path, f"# Size 100 50{aspect}\n# Name one\n0 0 -2 -1 -1\n0 1 1.0 0.5 0.1\n# Name two\n", "mayalive")
    assert [track.name for track in shot] == ["one", "two"]
    assert (shot.size, px(shot)) == (SIZE, {1: (0, 0), 2: (75, 37.5)})


def test_maya_live_in_pixels_and_with_another_aspect(tmp_path: Path) -> None:
    pixels = read(tmp_path, "# Size 100 50\n# Pixels\n# Name one\n0 0 10 20 0\n", "mayalive")
    assert px(pixels) == {1: (10, 20)}
    wide = read(tmp_path, "# Size 100 50 4.0\n# Name one\n0 0 4 1 0\n", "mayalive")
    assert px(wide) == {1: (100, 50)}


def test_mmsolver_4_with_a_camera(tmp_path: Path) -> None:
    frames = [{"frame": 7, "pos": [0.9, 0.9], "pos_dist": [0.25, 0.5], "weight": 0.5}]
    point = {"name": "p", "id": 3, "set_name": "s", "per_frame": frames, "3d": {}}
    data = {"version": 4, "num_points": 1, "points": [point], "camera": {"resolution": [100, 50]}}
    shot = read(tmp_path, json.dumps(data), "mmsolver", size=None)
    assert (shot.size, shot.tracks[0].weight, px(shot)) == (SIZE, 0.5, {7: (25, 25)})  # where it is on the plate


def test_after_effects_with_other_blocks(tmp_path: Path) -> None:
    text = (
        "Adobe After Effects 6.0 Keyframe Data\n\n\tUnits Per Second\t29.97\n\tSource Width\t100\n"
        "\tSource Height\t50\n\tSource Pixel Aspect Ratio\t1\n\tComp Pixel Aspect Ratio\t1\n\n"
        "Motion Trackers\tTracker #1\tTrack Point #4\tFeature Center\n\tFrame\tX pixels\tY pixels\t\n"
        "\t0\t10.5\t20.25\t\n\t1\t11\t21\t\n\n"
        "Motion Trackers\tTracker #1\tTrack Point #4\tConfidence\n\tFrame\tpercent\n\t0\t98.2\n\n"
        "Transform\tScale\n\tFrame\tX percent\n\t0\t100\n\nEnd of Keyframe Data\n"
    )
    shot = read(tmp_path, text, "ae", size=None)
    assert (shot.size, shot.fps, [track.name for track in shot]) == (SIZE, 29.97, ["Track Point #4"])
    assert px(shot) == {1: (10.5, 29.75), 2: (11, 29)}


def test_tap_vid_as_it_is_published(tmp_path: Path) -> None:
    """Points of a hidden thing may have a position; the video gives the size."""
    points = np.array([[[0.25, 0.5], [0.5, 0.0], [0.0, 0.0]]], dtype=np.float32)
    occluded = np.array([[False, True, True]])
    video = np.zeros((3, 50, 100, 3), dtype=np.uint8)
    path = tmp_path / "davis.pkl"
    path.write_bytes(pickle.dumps({"goat": {"points": points, "occluded": occluded, "video": video}}))
    shot = formats.read(path)
    assert (shot.size, shot.tracks[0].name) == (SIZE, "track 1")
    assert px(shot) == {1: (25, 25)}
    assert shot.tracks[0].muted == {2: (0.5, 1.0)}


def test_two_tracks_of_one_name_get_different_ones(tmp_path: Path) -> None:
    shot = read(tmp_path, "2\na\n0\n0\na\n0\n0\n", "3de4", frame_start=1)
    assert [track.name for track in shot] == ["a", "a.001"]
    assert shot.notes == ["names changed (1 track, such as 'a' to 'a.001')"]


def test_rows_in_any_order_come_out_in_the_order_of_their_frames(tmp_path: Path) -> None:
    shot = read(tmp_path, "track,frame,x,y\na,9,0.1,0.1\nb,1,0,0\na,3,0.2,0.2\n", "csv")
    assert [list(track.markers) for track in shot] == [[3, 9], [1]]


def test_a_table_of_four_columns_with_a_byte_order_mark(tmp_path: Path) -> None:
    shot = read(tmp_path, '\ufeffframe,track,comment,y,x\r\n3,a,"b, c",0.5,0.25\r\n', "csv")
    assert px(shot) == {3: (25, 25)}
