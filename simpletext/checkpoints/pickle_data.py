"""Pickles read as data: nothing in them is imported, called, hashed or printed.

The opcodes (https://docs.python.org/3/library/pickletools.html) are interpreted one by one. Every
class or function in the file becomes an inert `Record`; every dict becomes `Fields`, a list of
pairs, so that no object of the file is ever used as a key.
"""

import pickletools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError

LARGEST = 1 << 28  # bytes of the largest pickle that is read
MOST_OPCODES = 20_000_000
DTYPE = re.compile(r"[<>|=]?[biufSUO]\d{0,6}")
ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")


@dataclass(eq=False)
class Record:
    """An object in the file: the name of its class, and its data.

    Attributes:
        name: of the class or function, such as "ktrain.text.preprocessor.Transformer".
        args: the positional arguments of the call that pickle would make.
        state: its attributes or other state.
        items: elements or pairs, for subclasses of list and dict.
    """

    name: str
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list, repr=False)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute of the object."""
        return self.state.get(name, default) if isinstance(self.state, Fields) else default


class Fields(list):
    """A dict in the file as a list of (key, value)."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the last pair whose key is this string."""
        for key, value in reversed(self):
            if type(key) is str and key == name:
                return value
        return default


class _Mark:
    """The start of a group of values on the stack."""


MARK = _Mark()


def read_pickle(path: Path) -> Any:
    """The content of a pickle as plain values, `Record` and `Fields`.

    Raises:
        CheckpointError: too large, truncated, or with an opcode that isn't supported.
    """
    if path.stat().st_size > LARGEST:
        raise CheckpointError(f"{path} has {path.stat().st_size} bytes, too many for a pickle.")
    try:
        return _Machine().run(path.read_bytes())
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise CheckpointError(
            f"{path} can't be read as a pickle ({error}). It is truncated, damaged or of another "
            "program."
        ) from error


class _Machine:
    """Interprets the opcodes with a stack and a memo, as pickle does, but calls nothing."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        """The value on the stack at the opcode STOP."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if opcode.name == "STOP":
                return self.stack.pop()
            if count > MOST_OPCODES:
                raise ValueError(f"it has more than {MOST_OPCODES} steps")
            step = getattr(self, f"_{opcode.name.lower()}", None)
            if step is not None:
                step(argument)
            elif opcode.name in CONSTANTS:
                self.stack.append(argument)
            else:
                raise ValueError(f"the opcode {opcode.name} isn't supported")
        raise ValueError("it has no end")

    def _since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is MARK:
                values = self.stack[place + 1 :]
                del self.stack[place:]
                return values
        raise ValueError("a group of values has no beginning")

    def _proto(self, argument: Any) -> None: ...

    def _frame(self, argument: Any) -> None: ...

    def _mark(self, argument: Any) -> None:
        self.stack.append(MARK)

    def _pop(self, argument: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, argument: Any) -> None:
        self._since_mark()

    def _dup(self, argument: Any) -> None:
        self.stack.append(self.stack[-1])

    def _none(self, argument: Any) -> None:
        self.stack.append(None)

    def _newtrue(self, argument: Any) -> None:
        self.stack.append(True)

    def _newfalse(self, argument: Any) -> None:
        self.stack.append(False)

    # ---- containers ----------------------------------------------------------------------

    def _empty_list(self, argument: Any) -> None:
        self.stack.append([])

    _empty_set = _empty_list

    def _empty_tuple(self, argument: Any) -> None:
        self.stack.append(())

    def _empty_dict(self, argument: Any) -> None:
        self.stack.append(Fields())

    def _list(self, argument: Any) -> None:
        self.stack.append(self._since_mark())

    _frozenset = _list

    def _tuple(self, argument: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise ValueError("a tuple has too few values")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(values)

    def _tuple1(self, argument: Any) -> None:
        self._tuple_of(1)

    def _tuple2(self, argument: Any) -> None:
        self._tuple_of(2)

    def _tuple3(self, argument: Any) -> None:
        self._tuple_of(3)

    def _dict(self, argument: Any) -> None:
        self.stack.append(Fields(_pairs(self._since_mark())))

    def _append(self, argument: Any) -> None:
        value = self.stack.pop()
        self._items().append(value)

    def _appends(self, argument: Any) -> None:
        values = self._since_mark()
        self._items().extend(values)

    _additems = _appends

    def _setitem(self, argument: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._items().append((key, value))

    def _setitems(self, argument: Any) -> None:
        values = self._since_mark()
        self._items().extend(_pairs(values))

    def _items(self) -> list[Any]:
        """The list to which elements are added: the container's own, or a record's."""
        target = self.stack[-1]
        if isinstance(target, Record):
            return target.items
        if not isinstance(target, list):
            raise ValueError(f"elements are added to a {type(target).__name__}")
        return target

    # ---- the memo ------------------------------------------------------------------------

    def _get(self, argument: Any) -> None:
        self.stack.append(self.memo[int(argument)])

    _binget = _long_binget = _get

    def _put(self, argument: Any) -> None:
        self.memo[int(argument)] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, argument: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    # ---- objects -------------------------------------------------------------------------

    def _global(self, argument: str) -> None:
        self.stack.append(Record(argument.replace(" ", ".", 1)))

    def _stack_global(self, argument: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("a class has no name")
        self.stack.append(Record(f"{module}.{name}"))

    def _inst(self, argument: str) -> None:
        self.stack.append(Record(argument.replace(" ", ".", 1), tuple(self._since_mark())))

    def _obj(self, argument: Any) -> None:
        kind, *args = self._since_mark()
        self.stack.append(Record(_name(kind), tuple(args)))

    def _reduce(self, argument: Any) -> None:
        args, kind = self.stack.pop(), self.stack.pop()
        self.stack.append(Record(_name(kind), args))

    _newobj = _reduce

    def _newobj_ex(self, argument: Any) -> None:
        self.stack.pop()  # keyword arguments
        self._reduce(argument)

    def _build(self, argument: Any) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Record):
            raise ValueError(f"a {type(target).__name__} is given a state")
        target.state = state


CONSTANTS = {
    opcode.name
    for opcode in pickletools.opcodes
    if opcode.stack_before == []
    and len(opcode.stack_after) == 1
    and opcode.arg is not None
    and opcode.name
    not in ("GET", "BINGET", "LONG_BINGET", "GLOBAL", "INST", "EXT1", "EXT2", "EXT4", "PERSID")
}


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    if len(values) % 2:
        raise ValueError("a key has no value")
    return list(zip(values[::2], values[1::2], strict=True))


def _name(kind: Any) -> str:
    if not isinstance(kind, Record):
        raise ValueError(f"a {type(kind).__name__} is in place of a class")
    return kind.name


def as_list(value: Any) -> list[Any] | None:
    """A list, tuple or NumPy array in the file as a list; None for other values."""
    if isinstance(value, (list, tuple)) and not isinstance(value, Fields):
        return list(value)
    if isinstance(value, Record) and value.name in ARRAYS:
        return _array(value)
    return None


def _array(record: Record) -> list[Any] | None:
    """The elements of a pickled NumPy array of one dimension."""
    if not isinstance(record.state, tuple) or len(record.state) != 5:
        return None
    _, shape, dtype, _, data = record.state
    if not isinstance(shape, tuple) or len(shape) != 1 or type(shape[0]) is not int:
        return None
    if not isinstance(dtype, Record):
        return None
    data = _bytes(data)
    if isinstance(data, list):  # of objects
        return list(data) if len(data) == shape[0] else None
    args = dtype.args
    code = args[0] if isinstance(args, tuple) and args and isinstance(args[0], str) else ""
    order: Any = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "<"
    if not DTYPE.fullmatch(code) or "O" in code or order not in ("<", ">", "|", "="):
        return None
    kind = np.dtype(code).newbyteorder(order if order != "|" else "=")
    if not isinstance(data, bytes) or len(data) != kind.itemsize * shape[0]:
        return None
    return np.frombuffer(data, kind).tolist()


def _bytes(data: Any) -> Any:
    """Bytes, which protocol 2 writes as Latin-1 text to encode; other values as they are."""
    if not isinstance(data, Record) or data.name != "_codecs.encode":
        return data
    args = data.args if isinstance(data.args, tuple) else ()
    if len(args) != 2 or type(args[0]) is not str or args[1] != "latin1":
        return data
    return args[0].encode("latin-1", "replace")
