"""Converts the bundled encoder ahead of its first use: ``python -m inference.prepare CACHE``."""

from __future__ import annotations

import sys
from pathlib import Path

from inference.encoder import bundled_model, load_encoder

if __name__ == "__main__":
    encoder = load_encoder(bundled_model(), cache=Path(sys.argv[1]))
    sys.stdout.write(f"Encoder ready: {encoder.identity}\n")
