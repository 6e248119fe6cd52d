"""What the documentation shows is run here, block by block, in a folder that holds ``shot.mp4`` and ``examples``."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cinematic.tracking import Clip, TrackData, detect_features, formats, track_markers
from cinematic.tracking.blend_file import blend_with, write_blend
from cinematic.tracking.formats import cinetrack
from tests.command import run

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[Any]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 2
                found.append(pytest.param(match[2], id=f"{page.name}:{line}"))
    return found


@pytest.fixture
def folder(movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shot.mp4").symlink_to(movie)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python"))
def test_python(bpy: Any, folder: Path, code: str) -> None:
    exec(compile(code, "docs", "exec"), {})


# One that is shown in several places is run once.
COMMANDS = dict.fromkeys(
    line for block in blocks("bash") for line in block.values[0].splitlines() if line.startswith("cinetrack ")
)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands(folder: Path, movie: Path, line: str, without_blender: dict[str, str]) -> None:
    if line.split()[1] == "quality" and "." in line.split()[2]:  # of another tool
        layout = "3de4" if "3de4" in line else None
        _write_tracks(movie, _made(folder / line.split()[2]), layout)
    elif line.split()[1] in ("report", "solve", "quality", "clean"):  # of what the line before it has tracked
        shot = folder / "examples" / "sample_plate.mp4" if line.split()[1] == "solve" else movie
        _tracked(shot).save(_made(folder / line.split()[2] / "tracks.json"))
    if line.split()[1] == "convert":
        for name in line.split()[2:4]:  # what is read; a .blend to add to
            if name == line.split()[2] or "--overwrite" in line:
                _write_tracks(movie, _made(folder / name))
    writes_blend = line.split()[1] not in ("track", "farm") or line.split()[4] in ("result", "solved")
    told = run(*line.split()[1:], environment=os.environ if writes_blend else without_blender)
    assert (told.returncode, told.stderr) == (0, "")


def _tracked(movie: Path) -> Clip:
    clip = Clip.open(movie)
    detect_features(clip)
    track_markers(clip)
    return clip


def _made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def _write_tracks(movie: Path, path: Path, layout: str | None = None) -> None:
    clip = _tracked(movie)
    if path.suffix == ".blend":
        write_blend(blend_with(movie, list(clip.tracks)), path)
    else:
        formats.write(clip.tracks, path, layout, clip=clip.info)


@pytest.mark.parametrize("text", blocks("json"))
def test_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "tracks.json").write_text(text)
    clip, tracks = cinetrack.read(tmp_path / "tracks.json")
    assert clip.frame_start == 1001
    assert tracks == [TrackData("Track", {1001: (0.25, 0.5)}, correlation=0.98)]
    assert set(json.loads(text)["tracks"][0]) <= set(TrackData().to_dict())


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "check", "test-window"} <= named
    assert not {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)}


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
            leads_to = page.parent / target if target else page
            assert leads_to.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(leads_to), f"{page.name}: {target}#{heading}"


def headings(page: Path) -> set[str]:
    """As links name them: in small letters, words joined by hyphens, the rest left out."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_tables_have_a_head_and_rows_as_wide_as_it() -> None:
    for page in PAGES:
        for number, table in tables(page.read_text(encoding="utf-8")):
            widths = {line.replace(r"\|", "").count("|") for line in table}
            assert len(widths) == 1, f"{page.name}:{number}: rows of {sorted(widths)} bars"
            assert set(table[1]) <= set("|-: "), f"{page.name}:{number}: no line under the head"
            assert "---" not in table[0], f"{page.name}:{number}: no head"


def tables(text: str) -> list[tuple[int, list[str]]]:
    """The lines of each table, and the number of its first."""
    found: list[tuple[int, list[str]]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if line.startswith("|"):
            if number == 1 or not lines[number - 2].startswith("|"):
                found.append((number, []))
            found[-1][1].append(line)
    return found
