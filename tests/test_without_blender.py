"""Every module imports where Blender is not, and says so when it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cinematic.tracking import TrackData, formats
from cinematic.tracking.formats import cinetrack
from tests.scenes import empty_movie, path, scene

FRAMES = 24
ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lib" / "cinematic" / "tracking"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__").removesuffix("__init__")
    for path in PACKAGE.rglob("*.py")
)

BLOCKED = {
    "a blocked module": "import sys; sys.modules['bpy'] = None",
    "an import hook": """
import sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == 'bpy' or name.startswith('bpy.'):
            raise ModuleNotFoundError("No module named 'bpy'", name='bpy')
sys.meta_path.insert(0, Hook())
""",
}

VERBS = """
from {root} import *
from {root}.quality import measure_correlations
import {root} as package
assert package.BLENDER_AVAILABLE is False
for call in (
    lambda: detect_features(object()),
    lambda: track_markers(object()),
    lambda: auto_track(object()),
    lambda: add_track(object(), 1, (0.5, 0.5)),
    lambda: delete_track(object(), "a"),
    lambda: configure_track(object()),
    lambda: PointTracker("missing.mp4", engine="libmv"),
    lambda: analyze_track_quality(object()),
    lambda: clean_low_quality_tracks(object()),
    lambda: filter_tracks_by_correlation(object()),
    lambda: enable_tracks(object()),
    lambda: get_track_quality_report(object()),
    lambda: measure_correlations(object()),
    lambda: solve_camera(object()),
    lambda: tracking_context(object()).__enter__(),
    lambda: get_clip_editor_area(),
    lambda: get_active_clip(),
    lambda: ensure_clip_loaded("missing.mp4"),
):
    try:
        call()
    except RuntimeError as error:
        assert isinstance(error, BackendUnavailable), error
        assert str(error).startswith("Blender not available"), error
    else:
        raise SystemExit("no error")
assert len(list_tracking_presets()) >= 7
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("root", ["cinematic.tracking", "lib.cinematic.tracking"])
@pytest.mark.parametrize("blocked", BLOCKED.values(), ids=BLOCKED)
def test_everything_imports_and_blenders_verbs_say_it_is_missing(root: str, blocked: str) -> None:
    imports = "\n".join(f"import {root}{'.' if module else ''}{module}" for module in MODULES)
    result = run(f"{blocked}\n{imports}\n{VERBS.format(root=root)}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("root", ["cinematic.tracking", "lib.cinematic.tracking"])
def test_importing_costs_no_blender(root: str) -> None:
    imports = "\n".join(f"import {root}{'.' if module else ''}{module}" for module in MODULES)
    result = run(f"{imports}\nimport sys; assert 'bpy' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_the_command_does_the_main_job(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = command("track", str(movie), "-o", str(out))
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in out.iterdir()) == ["cinetrack.log", "report.html", "tracks.json"]
    assert "without a .blend" in result.stdout
    _, tracks = cinetrack.read(out / "tracks.json")
    assert len(tracks) > 30


def test_an_older_blend_does_not_pass_for_the_new_result(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "shot.blend").write_bytes(b"of an earlier run")
    (out / "other.blend").write_bytes(b"mine")
    refused = command("track", str(movie), "-o", str(out))
    assert refused.returncode == 1
    assert (out / "shot.blend").exists()
    result = command("track", str(movie), "-o", str(out), "--overwrite")
    assert result.returncode == 0, result.stderr
    assert "shot.blend" not in result.stdout
    assert sorted(path.name for path in out.iterdir()) == ["cinetrack.log", "other.blend", "report.html", "tracks.json"]


def test_a_camera_is_solved_and_an_older_blend_does_not_pass_for_it(tmp_path: Path) -> None:
    scene(path(FRAMES), 110).on(empty_movie(tmp_path / "shot.mp4", FRAMES)).save(tmp_path / "tracks.json")
    (tmp_path / "camera.blend").write_bytes(b"of an earlier run")
    result = command("solve", str(tmp_path), "--focal", "900", "--overwrite")
    assert (result.returncode, result.stderr) == (0, "")
    assert "without a .blend: Blender not available" in result.stdout
    assert "camera.blend" not in result.stdout
    assert (tmp_path / "camera.json").exists()
    assert not (tmp_path / "camera.blend").exists()


def test_the_command_says_in_one_line_that_an_engine_is_missing(movie: Path, tmp_path: Path) -> None:
    result = command("track", str(movie), "-o", str(tmp_path / "out"), "--engine", "libmv")
    assert result.returncode == 1
    assert result.stderr.startswith("cinetrack: error: Blender not available")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_tracks_are_converted_without_blender_but_not_those_of_a_blend(tmp_path: Path) -> None:
    formats.write([TrackData("a", {1: (0.5, 0.5)})], tmp_path / "a.nk", size=(10, 10))
    done = command("convert", str(tmp_path / "a.nk"), str(tmp_path / "a.uv"), "--size", "10x10")
    assert (done.returncode, done.stderr) == (0, "")
    for source, target in (("shot.blend", "b.nk"), ("a.uv", "shot.blend")):
        result = command("convert", str(tmp_path / source), str(tmp_path / target))
        assert result.returncode == 1
        assert result.stderr.startswith("cinetrack: error: ")
        assert result.stderr.count("\n") == 1
    (tmp_path / "shot.blend").touch()
    result = command("convert", str(tmp_path / "shot.blend"), str(tmp_path / "b.nk"))
    assert result.stderr.startswith("cinetrack: error: Blender not available")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        f"{BLOCKED['a blocked module']}\nsys.argv = {['cinetrack', *arguments]!r}\n"
        "from cinematic.tracking.cli import main\nmain()"
    )


@pytest.mark.parametrize("module", ["cinematic.tracking", "cinematic.tracking.cli"])
def test_importing_does_not_wait_for_what_only_some_need(module: str) -> None:
    heavy = {"numba", "av", "OpenImageIO", "fileseq", "yaml", "cv2", "pycolmap", "scipy", "jinja2"}
    done = run(f"import sys, {module}; print(sorted({heavy} & sys.modules.keys()))")
    assert done.stdout == "[]\n", done.stderr
