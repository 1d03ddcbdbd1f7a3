"""Old keyword names that are still accepted, with a warning."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import ArgumentError

Function = TypeVar("Function", bound=Callable[..., Any])


def renamed_keywords(**names: str) -> Callable[[Function], Function]:
    """Accept old keyword names, given as old="new", with a DeprecationWarning.

    Raises:
        ArgumentError: the wrapped function was passed both names.

    Example:
        >>> @renamed_keywords(model_name="checkpoint")
        ... def load(checkpoint):
        ...     return checkpoint
        >>> load("bert-base-uncased")
        'bert-base-uncased'
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **options: Any) -> Any:
            for old, new in names.items():
                if old in options:
                    if new in options:
                        raise ArgumentError(f"Both {new}= and its old name {old}= are passed.")
                    warnings.warn(
                        f"{old}= is deprecated: pass {new}=.", DeprecationWarning, stacklevel=2
                    )
                    options[new] = options.pop(old)
            return function(*args, **options)

        return wrapper  # type: ignore[return-value]

    return decorate
