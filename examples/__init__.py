"""Runnable examples, from the repository's root: `python -m examples.render_sample_plate`."""
