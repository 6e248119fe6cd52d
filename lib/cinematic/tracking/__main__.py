"""``python -m cinematic.tracking``: the command ``cinetrack`` where scripts are not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
