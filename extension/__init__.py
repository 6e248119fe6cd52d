"""The Blender extension: the package's verbs as buttons in the Clip Editor's sidebar (tab "Cinetrack").

Thin on purpose: it holds what an artist has chosen (:mod:`.settings`), has long work done by a process beside Blender
on a copy of the clip (:mod:`.jobs`, :mod:`.tasks`, :mod:`.beside`), remembers what was found (:mod:`.findings`), and
draws it (:mod:`.panels`).
Whatever tracks, judges, cleans or solves is the package's. Blender gives this folder a name of its own: imports in it
are relative.
"""

import bpy

from . import findings, operators, panels, settings

_CLASSES = (*settings.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    """Called by Blender when the extension is switched on."""
    for each in _CLASSES:
        bpy.utils.register_class(each)
    settings.attach()
    findings.attach()


def unregister() -> None:
    """Called by Blender when the extension is switched off."""
    operators.abandon_running()
    findings.detach()
    settings.detach()
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
