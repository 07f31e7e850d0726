"""The page that shows the document, one file with its style and script in it."""

import re
from importlib.resources import files
from typing import Final

HTML: Final = (files(__package__) / "page.html").read_text(encoding="utf-8")


def inline(element: str) -> str:
    """What stands in the one `style` or `script` of the page, to the letter."""
    (found,) = re.findall(f"<{element}>(.*?)</{element}>", HTML, re.DOTALL)
    return str(found)
