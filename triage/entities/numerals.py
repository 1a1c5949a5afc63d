"""What tells a number that names something from one that counts something or dates it."""

from __future__ import annotations

import re

DIGIT = re.compile(r"[0-9]")
# What follows a number that says how many.
COUNTED = re.compile(
    r"(?i)\s?(?:pieces?|pcs|units?|items?|stück|stk|pièces|piezas|unidades|times|mal|x|more|of|days?|weeks?|"
    r"tage|wochen|euros?|eur|dollars?|usd|per|percent|prozent|minutes?|hours?)\b"
)
DATE_SHAPE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}")
