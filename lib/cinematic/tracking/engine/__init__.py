"""Our own point tracker: KLT prediction, then alignment with an anchored reference pattern. No Blender needed."""
