"""Error messages with the options of the command line, where Python's arguments were named."""

import re
from collections.abc import Mapping
from typing import Any

ARGUMENT = re.compile(
    r"""(?<![\w.-]) (?P<name>[a-z]\w*) = (?P<value>'[^']*'|"[^"]*"|[\w+-]+(?:\.[\w]+)*)?
    (?=$|[\s;)]|[.,:](?:\s|$))""",
    re.VERBOSE,
)


def with_options(message: str, options: Mapping[str, str]) -> str:
    """The message with each `name=value` whose name is an option as the command line has it.

    Args:
        message: an error's message.
        options: the options of the command by the names of their parameters.

    Example:
        >>> with_options("Pass resume=True, or lr=1e-4.", {"resume": "--resume", "lr": "--lr"})
        'Pass --resume, or --lr 1e-4.'
    """

    def as_option(found: re.Match[str]) -> str:
        option, value = options.get(found["name"]), found["value"]
        if option is None or value == "False":
            return found[0]
        return option if value in (None, "True") else f"{option} {_quoted(value)}"

    return ARGUMENT.sub(as_option, message)


def options_of(application: Any, words: list[str]) -> dict[str, str]:
    """The options of the command among these words: parameter names to option strings."""
    from typer.main import get_command

    commands: Any = getattr(get_command(application), "commands", {})
    command = next((commands[word] for word in words if word in commands), None)
    parameters = [] if command is None else command.params
    named = {each.name: [word for word in each.opts if word[:2] == "--"] for each in parameters}
    return {name: words[0] for name, words in named.items() if words}


def _quoted(value: str) -> str:
    """Python's quotes only where a shell needs them too."""
    plain = value.strip("'\"")
    return plain if re.fullmatch(r"[\w./+-]+", plain) else value
