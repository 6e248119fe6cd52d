"""One self-contained HTML file that shows what is thought of a clip's tracks, and why."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..coords import FrameNumbers
from ..errors import ParameterError
from ..files import write_atomically
from ..footage import Footage
from ..types import ClipInfo, Readiness, TrackData, Verdict
from . import words
from .cards import MOST, Card, card, detailed
from .curves import bad_per_frame, distributions, low_frames, per_frame
from .judged import STATES, Judged, count_reasons, count_states, judged_tracks
from .plates import described, place_of, plates, shown_frames
from .strips import Shown, look, strip_of

__all__ = ["write_report"]

LISTED = 5_000
"""Tracks in the list of all tracks, at most; the worst of them."""

HERE = Path(__file__).parent


def write_report(
    path: str | PathLike[str],
    info: ClipInfo,
    tracks: Sequence[TrackData],
    verdicts: Sequence[Verdict],
    readiness: Readiness,
    footage: Footage | None,
    *,
    delivered: int | None = None,
    on_frame: Callable[[int], object] | None = None,
) -> None:
    """Write the report of a clip's tracks, atomically: one HTML file that needs nothing else, and no network.

    Parameters
    ----------
    path
        The file, ``report.html``.
    info
        The clip; what the tracks' positions and frames mean.
    tracks
        All of it are reported, switched off and locked ones, too.
    verdicts
        Found by the tracks' names; a track without one is shown as not judged.
    readiness
        Whether a camera solve can work.
    footage
        For pictures of the plate and of patterns; it is read once from end to end. None: no pictures.
    delivered
        How many tracks there are since the report's were cleaned; None: they have not been.
    on_frame
        Called with each frame number of the footage as it is done.

    Raises
    ------
    ParameterError
        The footage has another size or other frames than ``info`` says.
    FootageError
        A frame cannot be read.
    OSError
        The file cannot be written; what was there before stays.
    """
    if footage is not None:
        _check(footage, info)
    page = _page(info, tracks, verdicts, readiness, footage, on_frame)
    html = _rendered({**page, "delivered": delivered})
    write_atomically(Path(path), lambda temporary: temporary.write_text(html, encoding="utf-8"))


def _check(footage: Footage, info: ClipInfo) -> None:
    expected = info.width, info.height, info.frame_start, info.frame_end
    found = *footage.size, footage.numbers.first, footage.numbers.last
    if expected != found:
        raise ParameterError(f"expected footage of size and frames {expected} as the tracks', got {found}")


def _page(
    info: ClipInfo,
    tracks: Sequence[TrackData],
    verdicts: Sequence[Verdict],
    readiness: Readiness,
    footage: Footage | None,
    on_frame: Callable[[int], object] | None,
) -> dict[str, Any]:
    """Everything that the template shows."""
    from .. import __version__  # here, so that the package's face may import this room

    judged = judged_tracks(tracks, verdicts)
    reasons = count_reasons(judged)
    frames = shown_frames(judged, info)
    cards, shown = _cards(judged, info, list(frames), footage, on_frame)
    return {
        "info": info,
        "clip_name": Path(info.path).name or info.path,
        "version": __version__,
        "readiness": readiness,
        "total": len(judged),
        "off": sum(not each.track.enabled for each in judged),
        "locked": sum(each.track.locked for each in judged),
        "gone": len({verdict.name for verdict in verdicts} - {track.name for track in tracks}),
        "counts": count_states(judged),
        "states": STATES,
        "reasons": reasons,
        "reason_ids": {reason: f"r{number}" for number, reason in enumerate(reasons)},
        "explanations": words.EXPLANATIONS,
        "plates": plates(judged, info, frames),
        "pictures": shown.frames,
        "has_footage": footage is not None,
        "per_frame": per_frame(judged, readiness, info),
        "low_frames": low_frames(_every_frame(readiness, info)),
        "bad_per_frame": bad_per_frame(judged, info),
        "distributions": distributions(judged) if judged else [],
        "cards": cards,
        "most_cards": MOST,
        "listed": judged[:LISTED],
    }


def _cards(
    judged: Sequence[Judged],
    info: ClipInfo,
    frames: Sequence[int],
    footage: Footage | None,
    on_frame: Callable[[int], object] | None,
) -> tuple[list[Card], Shown]:
    size = info.width, info.height
    numbers = FrameNumbers(info.frame_start, info.frame_end - info.frame_start + 1)
    chosen = detailed(judged)
    strips = [strip_of(each, size, numbers) for each in chosen] if footage is not None else [None] * len(chosen)
    shown = look(footage, frames, [strip for strip in strips if strip], on_frame) if footage is not None else Shown()
    places = [place_of(each, info, frames) for each in chosen]
    numbered = enumerate(zip(chosen, strips, places, strict=True))
    return [card(number, each, strip, shown, place) for number, (each, strip, place) in numbered], shown


def _every_frame(readiness: Readiness, info: ClipInfo) -> dict[int, int]:
    return {frame: readiness.tracks_per_frame.get(frame, 0) for frame in range(info.frame_start, info.frame_end + 1)}


def _rendered(page: dict[str, Any]) -> str:
    """The page; its policy allows this one script, inline styles, inline pictures, and nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "figure": words.figure,
        "spans": words.spans,
        "counted": words.counted,
        "readiness_word": words.readiness_word,
        "readiness_state": words.readiness_state,
    }
    environment.globals["described"] = described
    script = (HERE / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template("report.html.j2").render(
        page, style=Markup((HERE / "report.css").read_text(encoding="utf-8")), script=Markup(script), digest=digest
    )
