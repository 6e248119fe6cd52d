"""Exchange formats, one module each; the module's docstring is the format's grammar."""
