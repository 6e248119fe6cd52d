"""Plates with exact truth: warped stills and rendered Blender scenes.

`warped` and `truth` need numpy (and OpenCV); only the rooms that build, render or cast into a scene need
Blender.
"""
