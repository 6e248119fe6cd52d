"""Rendered plates: a seeded Blender scene, its frames by Cycles, its exact truth by ray casting.

A plate is a folder of PNG frames with `spec.json`; the scene can be built again from the spec at any time,
which is what makes it possible to judge any point that a tracker may choose.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.plates.lens import Lens

CACHE = Path(__file__).resolve().parents[1] / "cache"
BASE_EXPOSURE = 0.25  # stops
SENSOR = 36.0  # width in mm
OVERSAMPLING = 1.5  # pixels rendered per pixel of a plate that is distorted afterwards


@dataclass(frozen=True)
class PlateSpec:
    """Everything that decides what a rendered plate looks like. The same spec gives the same plate."""

    layout: str = "street"
    seed: int = 0
    width: int = 640
    height: int = 360
    frames: int = 48
    fps: float = 24.0
    samples: int = 12  # Cycles samples a pixel; few of them are the grain
    shutter: float = 0.0  # the share of a frame that the shutter stays open, centred on the frame; 0: no motion blur
    grain: float = 0.0  # sigma of added grey noise, of 255
    exposure: float = 0.0  # stops by which the exposure has changed at the last frame
    movers: int = 2  # moving objects, as far as the layout has them
    distortion: float = 0.0  # k1 of the lens, radii in units of the focal length (lens.Lens)
    fisheye: float = 0.0  # degrees across of a fisheye in place of the layout's lens; 0: none

    @property
    def key(self) -> str:
        """A short name that differs when any field does."""
        fields = dataclasses.asdict(self)
        if not self.fisheye:  # came later: plates without it keep their names, and are not rendered again
            del fields["fisheye"]
        digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
        return f"{self.layout}-{self.seed}-{digest[:10]}"


def build_scene(spec: PlateSpec) -> None:
    """Replace the open Blender scene by the plate's: set, light, camera, moves. Nothing is rendered."""
    import bpy

    from benchmarks.plates import layouts

    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage = layouts.LAYOUTS[spec.layout](np.random.default_rng(spec.seed), spec.frames, spec.fps, spec.movers)
    scene = bpy.context.scene
    _set_light(scene, stage)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene["focal"] = _fisheye_focal(spec) if spec.fisheye else spec.width * stage.lens / SENSOR
    camera.data.sensor_width, camera.data.sensor_fit = SENSOR, "HORIZONTAL"
    camera.data.lens = SENSOR * scene["focal"] / spec.width / _overscan(lens_of(spec))
    camera.data.clip_start = 0.05
    scene.collection.objects.link(camera)
    scene.camera = camera
    for thing, move in [(camera, stage.camera), *stage.movers]:
        _animate(thing, move)
    _set_render(scene, spec)


def open_scene(spec: PlateSpec) -> None:
    """Make the plate's scene the open one, without building it twice."""
    import bpy

    if bpy.context.scene.get("plate") != spec.key:
        build_scene(spec)
        bpy.context.scene["plate"] = spec.key


def lens_of(spec: PlateSpec) -> Lens:
    """The lens of the open scene's plate."""
    import bpy

    centre = (0.5 * (spec.width - 1), 0.5 * (spec.height - 1))
    return Lens(bpy.context.scene["focal"], centre, spec.distortion, spec.fisheye > 0)


def _fisheye_focal(spec: PlateSpec) -> float:
    """px, with which an equisolid fisheye shows so much across the picture."""
    return spec.width / 4 / float(np.sin(np.radians(spec.fisheye) / 4))


def _overscan(lens: Lens) -> float:
    """How much wider than the plate the undistorted picture must be, as a factor of at least 1."""
    corner = np.array(lens.centre) + 0.5
    needed = np.linalg.norm(lens.rays(np.array(lens.centre) + corner)[:2]) * lens.focal
    return max(1.0, 1.01 * float(needed / np.linalg.norm(corner))) if lens.is_bent else 1.0


def _animate(thing: object, move: object) -> None:
    """Key location and rotation in every frame, frame 1 first, straight lines in between."""
    thing.rotation_mode = "XYZ"
    for index, (location, rotation) in enumerate(zip(move.location, move.rotation, strict=True)):
        thing.location, thing.rotation_euler = location, rotation
        thing.keyframe_insert("location", frame=index + 1)
        thing.keyframe_insert("rotation_euler", frame=index + 1)
    for layer in thing.animation_data.action.layers:
        for curve in layer.strips[0].channelbags[0].fcurves:
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"


def _set_light(scene: object, stage: object) -> None:
    """A sky and a sun that agree on where the light comes from."""
    import bpy
    from mathutils import Vector

    direction = Vector(stage.sun).normalized()
    world = scene.world = bpy.data.worlds.new("sky")
    tree = world.node_tree
    sky = tree.nodes.new("ShaderNodeTexSky")
    sky.sky_type, sky.sun_disc, sky.sun_elevation = "HOSEK_WILKIE", False, 0.7
    sky.turbidity = 3.5
    sky.sun_direction = -direction
    background = tree.nodes["Background"]
    tree.links.new(_clouds(tree, sky.outputs[0]), background.inputs["Color"])
    background.inputs["Strength"].default_value = stage.sky_power
    lamp = bpy.data.lights.new("sun", "SUN")
    lamp.energy, lamp.angle, lamp.color = stage.sun_power, 0.012, (1.0, 0.9, 0.76)
    sun = bpy.data.objects.new("sun", lamp)
    sun.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(sun)


def _clouds(tree: object, sky: object) -> object:
    """Fair-weather clouds over a sky; the socket with the result."""
    where, stretch = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
    noise, step, mix = (tree.nodes.new("ShaderNode" + kind) for kind in ("TexNoise", "MapRange", "MixRGB"))
    stretch.inputs["Scale"].default_value = (2.2, 2.2, 6.0)
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = 1.3, 6.0
    step.inputs["From Min"].default_value, step.inputs["From Max"].default_value = 0.46, 0.7
    mix.inputs[2].default_value = (0.75, 0.76, 0.8, 1.0)
    for source, target in (
        (where.outputs["Generated"], stretch.inputs["Vector"]),
        (stretch.outputs[0], noise.inputs["Vector"]),
        (noise.outputs[0], step.inputs["Value"]),
        (step.outputs[0], mix.inputs[0]),
        (sky, mix.inputs[1]),
    ):
        tree.links.new(source, target)
    return mix.outputs[0]


def _set_render(scene: object, spec: PlateSpec) -> None:
    """Cycles on the CPU, without a denoiser: Monte-Carlo noise, new in every frame, is the plate's grain."""
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    scale = OVERSAMPLING * _overscan(lens_of(spec)) if lens_of(spec).is_bent else 1.0
    render.resolution_x, render.resolution_y = round(scale * spec.width), round(scale * spec.height)
    render.resolution_percentage = 100
    render.fps = round(spec.fps)
    scene.frame_start, scene.frame_end = 1, spec.frames
    render.use_persistent_data = True
    render.use_motion_blur, render.motion_blur_shutter = spec.shutter > 0.0, spec.shutter
    cycles.samples, cycles.use_denoising, cycles.use_adaptive_sampling = spec.samples, False, False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 1
    cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
    scene.world.light_settings.distance, scene.world.light_settings.ao_factor = 3.0, 1.0
    scene.world.cycles.sampling_method = "NONE"
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    render.image_settings.compression = 30


@dataclass(frozen=True)
class Plate:
    """A rendered plate on disk."""

    spec: PlateSpec
    folder: Path

    def path(self, frame: int) -> Path:
        """The picture of a frame; the first frame is 1."""
        return self.folder / f"{frame:04d}.png"

    def pictures(self) -> Iterator[np.ndarray]:
        """The frames in order, each (height, width, 3) uint8, RGB."""
        for frame in range(1, self.spec.frames + 1):
            yield cv2.cvtColor(cv2.imread(str(self.path(frame))), cv2.COLOR_BGR2RGB)


def render(spec: PlateSpec, root: Path = CACHE) -> Plate:
    """The plate of that spec; frames that are not in the cache yet are rendered now."""
    plate = Plate(spec, root / spec.key)
    missing = [f for f in range(1, spec.frames + 1) if not plate.path(f).exists()]
    if missing:
        plate.folder.mkdir(parents=True, exist_ok=True)
        (plate.folder / "spec.json").write_text(json.dumps(dataclasses.asdict(spec), indent=2) + "\n")
        open_scene(spec)
        for frame in missing:
            render_frame(plate, frame)
    return plate


def render_frame(plate: Plate, frame: int) -> None:
    """Render one frame of the open scene, with noise of its own, and put it into the cache in one step."""
    import bpy

    spec, scene = plate.spec, bpy.context.scene
    unfinished = plate.folder / "unfinished.png"
    scene.frame_set(frame)
    scene.cycles.seed = frame
    scene.view_settings.exposure = BASE_EXPOSURE + spec.exposure * (frame - 1) / max(1, spec.frames - 1)
    scene.render.filepath = str(unfinished)
    bpy.ops.render.render(write_still=True)
    picture = cv2.imread(str(unfinished))
    if lens_of(spec).is_bent:
        picture = _distort(picture, lens_of(spec), spec)
    if spec.grain > 0.0:
        rng = np.random.default_rng([spec.seed, frame])
        noise = spec.grain * rng.standard_normal((spec.height, spec.width, 1))
        picture = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    cv2.imwrite(str(unfinished), picture)
    unfinished.replace(plate.path(frame))


def _distort(picture: np.ndarray, lens: Lens, spec: PlateSpec) -> np.ndarray:
    """The plate as the lens would show it, resampled from the wider and finer picture of a pinhole."""
    x, y = np.meshgrid(np.arange(spec.width), np.arange(spec.height))
    plane = lens.rays(np.stack([x, y], axis=-1))[..., :2]
    height, width = picture.shape[:2]
    scale = width / (spec.width * _overscan(lens))
    source = plane * lens.focal * scale + [0.5 * (width - 1), 0.5 * (height - 1)]
    x, y = source.astype(np.float32).transpose(2, 0, 1)
    return cv2.remap(picture, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
