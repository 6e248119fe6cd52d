"""The worst tracks one by one: what is said and shown of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .curves import Chart, track_curves
from .judged import Judged
from .plates import Place
from .strips import Shown, Strip
from .words import NO_REASON, counted, explained, figure, label, on_frames

MOST = 40
"""Tracks shown in detail, at most."""

LEAST = 8
"""Tracks shown in detail where fewer than that are not good: the good ones that come next."""

GOOD = ("Nothing stands out.", "Of the good tracks it is one of those that are nearest to being doubtful.")
UNJUDGED = ("It has not been judged.", "")


@dataclass(frozen=True)
class Picture:
    """One pattern of a strip."""

    frame: int
    uri: str
    text: str  # what it is, for those who do not see it
    correlation: str  # with the reference; empty: not known
    bad: bool


@dataclass(frozen=True)
class Why:
    """One reason in words."""

    reason: str
    where: str  # the frames, or empty
    what: str
    advice: str


@dataclass(frozen=True)
class Card:
    """One track."""

    judged: Judged
    length: str
    whys: list[Why]
    measures: list[tuple[str, str]]
    references: list[Picture]
    patterns: list[Picture]
    left_out: int  # markers without a picture in the strip
    curves: list[Chart]
    place: Place | None


def detailed(judged: Sequence[Judged]) -> list[Judged]:
    """The tracks that get a card: the worst that are not good; without many of them, good ones too."""
    doubtful = sum(each.state in ("suspect", "bad") for each in judged)
    return list(judged[: min(MOST, max(doubtful, LEAST))])


def card(number: int, judged: Judged, strip: Strip | None, shown: Shown, place: Place | None) -> Card:
    """The card of one track; ``number`` is its strip's in ``shown``, ``place`` where it is in the picture."""
    frames = judged.frames
    patterns = [_picture(number, judged, frame, shown) for frame in strip.frames] if strip else []
    references = [_picture(number, judged, frame, shown) for frame in strip.references] if strip else []
    return Card(
        judged=judged,
        length=f"{counted(len(frames), 'marker')}, {on_frames(frames)}" if frames else "no markers",
        whys=_whys(judged),
        measures=_measures(judged),
        references=[picture for picture in references if picture],
        patterns=[picture for picture in patterns if picture],
        left_out=len(frames) - sum(picture is not None for picture in patterns),
        curves=track_curves(judged),
        place=place,
    )


def _picture(number: int, judged: Judged, frame: int, shown: Shown) -> Picture | None:
    uri = shown.patterns.get((number, frame))
    if uri is None:
        return None
    correlation = judged.track.correlations.get(frame)
    bad = judged.bad_markers.get(frame)
    text = f"pattern on frame {frame}{f', bad: {bad}' if bad else ''}"
    return Picture(frame, uri, text, f"{correlation:.2f}" if correlation is not None else "", bad is not None)


def _whys(judged: Judged) -> list[Why]:
    if judged.state == "unjudged":
        return [Why("not judged", "", *UNJUDGED)]
    where: dict[str, list[int]] = {}
    for frame, reason in judged.bad_markers.items():
        where.setdefault(reason, []).append(frame)
    reasons = list(dict.fromkeys((*judged.reasons, *where)))
    whys = [Why(reason, on_frames(where[reason]) if reason in where else "", *explained(reason)) for reason in reasons]
    return whys or [Why("", "", *(GOOD if judged.state == "good" else NO_REASON))]


def _measures(judged: Judged) -> list[tuple[str, str]]:
    told = []
    for name, value in (judged.verdict.measures if judged.verdict else {}).items():
        text, unit = label(name)
        told.append((text, f"{figure(value)} {unit}".strip()))
    return told
