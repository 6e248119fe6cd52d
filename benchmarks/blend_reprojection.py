"""Does the camera of a .blend show the bundles where the markers are? Looked at with Blender's own camera mathematics.

python -m benchmarks.blend_reprojection shot.blend     median and 90 % of the distances, px
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.blender import quiet


def distances(blend: Path) -> dict[str, np.ndarray]:
    """How far each bundle is from its track's markers, px, in the frames in which the scene's camera has a keyframe.

    By track. The .blend becomes what Blender has open. Nothing is taken from the package: bundle and track are found
    by the name that the mesh "Bundles" gives, and the lens is the clip's own.
    """
    import bpy
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    clip, camera, mesh = scene.active_clip, scene.camera, bpy.data.objects["Bundles"]
    names = [entry.value.decode() for entry in mesh.data.attributes["track"].data]
    places = [mesh.matrix_world @ Vector(vertex.co) for vertex in mesh.data.vertices]
    size = np.array(clip.size[:], float)
    off: dict[str, list[float]] = {name: [] for name in names}
    for frame in _keyed(camera):
        scene.frame_set(frame)
        for name, place in zip(names, places, strict=True):
            marker = clip.tracking.tracks[name].markers.find_frame(frame - clip.frame_start + 1, exact=True)
            if marker is None or marker.mute:
                continue
            seen = world_to_camera_view(scene, camera, place)
            shown = _distorted(np.array(seen[:2]) * size, clip) if seen[2] > 0 else np.full(2, np.inf)
            off[name].append(float(np.linalg.norm(shown - np.array(marker.co[:]) * size)))
    return {name: np.array(values) for name, values in off.items()}


def _keyed(camera: object) -> list[int]:
    """The frames in which the camera stands where it was put."""
    curves = [
        curve
        for layer in camera.animation_data.action.layers
        for strip in layer.strips
        for curve in strip.channelbag(camera.animation_data.action_slot).fcurves
    ]
    return sorted({round(point.co[0]) for curve in curves for point in curve.keyframe_points})


def _distorted(pixel: np.ndarray, clip: object) -> np.ndarray:
    """Where the clip's lens (Blender's polynomial model) shows what a straight one shows at `pixel`, y up."""
    lens = clip.tracking.camera
    plane = (pixel - np.array(lens.principal_point_pixels[:])) / lens.focal_length_pixels
    square = float(plane @ plane)
    bent = 1.0 + lens.k1 * square + lens.k2 * square**2 + lens.k3 * square**3
    return plane * bent * lens.focal_length_pixels + np.array(lens.principal_point_pixels[:])


def main() -> None:
    """Print the two figures."""
    with quiet():
        off = distances(Path(sys.argv[1]))
    values = np.concatenate(list(off.values()))
    middle, most = np.quantile(values, (0.5, 0.9))
    print(f"{len(off)} bundles, {len(values)} markers: median {middle:.3f} px, 90 % below {most:.3f} px")


if __name__ == "__main__":
    main()
