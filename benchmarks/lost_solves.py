"""How often Blender's solver is lost, with the tracks that show no distance and without them.

    cinetrack track karma.mp4 -o karma
    python -m benchmarks.lost_solves karma/tracks.json ...

From each of the up to eight pairs of frames that the package would begin from, with the lens that the judgement has
found. Prints Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import blender, report
from benchmarks.report import Table
from cinematic.tracking import Clip, judge_with_motion
from cinematic.tracking.blend_file import blend_with
from cinematic.tracking.blender_camera import make_ready_to_solve, too_far_away
from cinematic.tracking.judge import known_cameras
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.scene_motion import positions_within
from cinematic.tracking.solve.keyframes import solve_keyframes

COLUMNS = {"tracks": "tracks", "far": "of them far away", "pairs": "pairs of frames", "all": "lost with all tracks",
           "weight": "far ones have weight 0", "disabled": "far ones disabled"}  # fmt: skip
LOST = 1.0  # px


def of(path: Path) -> dict[str, Any]:
    """A table's row of one result."""
    clip = Clip.load(path)
    tracks = clip.read()
    known = known_cameras(judge_with_motion(clip)[1])
    if known is None:
        raise SystemExit(f"{path}: no camera was found")
    of_shot = [track for track in tracks if known.holds(track.markers)]
    positions = positions_within(of_shot, clip.size, known.first, len(known.frames))
    far = too_far_away(of_shot, known, clip.size)
    pairs = solve_keyframes(positions, clip.size)
    movie_clip = blend_with(clip.footage.path, of_shot, clip.pixel_aspect)
    make_ready_to_solve(movie_clip, [], known)
    store, lost = MovieClipStore(movie_clip), dict.fromkeys(("all", "weight", "disabled"), 0)
    weights = {name: movie_clip.tracking.tracks[name].weight for name in far}
    for pair in pairs:
        begin = movie_clip.tracking.objects[0]
        begin.keyframe_a, begin.keyframe_b = (store.numbers.clip_from_plate(known.first + row) for row in pair)
        movie_clip.tracking.settings.use_keyframe_selection = False
        lost["all"] += _is_lost(movie_clip)
        store.set_weights(dict.fromkeys(far, 0.0))
        lost["weight"] += _is_lost(movie_clip)
        store.set_weights(weights)
        store.disable(far)
        lost["disabled"] += _is_lost(movie_clip)
        store.enable(far)
    counts = {"tracks": len(of_shot), "far": len(far), "pairs": len(pairs), **lost}
    return {"name": path.parent.name, **{key: str(value) for key, value in counts.items()}}


def _is_lost(clip: Any) -> bool:
    import bpy

    with blender.clip_editor(clip), blender.quiet():
        try:
            bpy.ops.clip.solve_camera()
        except RuntimeError:
            return True
    found = clip.tracking.reconstruction
    return not found.is_valid or found.average_error > LOST


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, help="tracks.json of `cinetrack track`")
    table = Table("lost-solves", "Blender's solves that are lost", COLUMNS)
    for path in parser.parse_args().results:
        table.rows.append(of(path))
    print(table.markdown())
    print(report.headline())


if __name__ == "__main__":
    main()
