"""Build the extension: one .zip to drop into Blender, with the wheels of the package and of all that it needs.

    python extension/build.py dist

It takes Python 3.11, which is Blender's, pip, which must reach an index, and Blender's module bpy, whose own tool makes
and checks the .zip. The wheels are this machine's: a .zip for another system is built there. Blender has numpy itself.
"""

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
_NOT_SHIPPED = ("build.py", "__pycache__")


def build(target: Path) -> Path:
    """Put the .zip into the folder ``target``; its path."""
    with tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        source = Path(scratch, "source")
        shutil.copytree(HERE, source, ignore=shutil.ignore_patterns(*_NOT_SHIPPED))
        shutil.copy(HERE.parent / "LICENSE", source)
        wheels = _downloaded(source / "wheels")
        manifest = source / "blender_manifest.toml"
        listed = "".join(f'    "./wheels/{wheel.name}",\n' for wheel in wheels)
        top, section, rest = manifest.read_text(encoding="utf-8").partition("[permissions]")
        manifest.write_text(f"{top}wheels = [\n{listed}]\n\n{section}{rest}", encoding="utf-8")
        built = Path(scratch, "built")
        built.mkdir()
        _run(_blenders_tool(), "build", "--source-dir", source, "--output-dir", built)
        (path,) = built.iterdir()
        target.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(path, target))


def _downloaded(folder: Path) -> list[Path]:
    """The wheels of the package and of what it needs, but for numpy."""
    _run("-m", "pip", "wheel", "--quiet", "--wheel-dir", folder, HERE.parent)
    for numpy in folder.glob("numpy-*.whl"):
        numpy.unlink()
    return sorted(folder.iterdir())


def _blenders_tool() -> Path:
    """The command that Blender's module brings to build extensions."""
    spec = find_spec("bpy")
    if spec is None or spec.origin is None:
        sys.exit("expected Blender's module bpy beside this Python: pip install '.[blender]'")
    (tool,) = Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    return tool


def _run(*command: str | Path) -> None:
    subprocess.run([sys.executable, *map(str, command)], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"expected one argument, the folder for the .zip, got {len(sys.argv) - 1}")
    print(build(Path(sys.argv[1])))
