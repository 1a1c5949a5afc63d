"""``python -m careloop.cli``: the same as ``careloop``, where no script is installed."""

from __future__ import annotations

from careloop.cli import main

main()
