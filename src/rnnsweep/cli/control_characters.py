"""Text of others on the terminal: what would speak to the terminal is shown instead of sent."""

import re

# colours of our own (SGR) may pass; other control characters may not, nor those that turn letters around
_UNSEEN = re.compile("(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def escape_control_characters(text: str) -> str:
    """Return a text in which each control character but tab and newline is replaced by its number.

    Sequences that set a colour stay.
    """
    return _UNSEEN.sub(lambda match: match[1] or f"\\x{ord(match[0]):02x}", text)
