"""The one place through which simpletext speaks to its user."""

import sys


def say(message: str) -> None:
    """One line for the user, flushed, so that it stands in order beside other output."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()
