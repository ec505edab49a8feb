"""What went wrong, as the server tells it: one exception for everything that a server refuses, one warning for cut answers.

The text of a gRPC error reaches Python in the wrapping of a library; the places of a wrong query travel beside it, as JSON in the
header field `x-sidereus-errors-bin`. This module takes both apart, and knows nothing of connections.

    Flight returned invalid argument error, with message: line 1, column 8: unknown column foo ... gRPC client debug context: ...
                                                          ^^^^^^^^^ the text ^^^^^^^^^^^^^^^^^^
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.flight as flight

ERRORS_FIELD = "x-sidereus-errors-bin"

_PLACE = re.compile(r"\Aline (\d+), column (\d+): ([^\n]*)")
_HINT = re.compile(r"^ *\| *\^+ ([^\n]+)$", re.MULTILINE)
_ADBC = re.compile(r"\A[A-Z_]+: \[Flight ?SQL\] (.*?)(?: \(\w+; [\w.]+\))?(?:\. Vendor code: .*)?\Z", re.DOTALL)
_FLIGHT_BEFORE = re.compile(r"\A(?:Flight|gRPC) .*?(?:, with message: |: )", re.DOTALL)
_FLIGHT_AFTER = ". gRPC client debug context: "

# The first class that fits is taken: the kinds of errors that pyarrow tells apart.
_CODES: list[tuple[type[Exception], str]] = [
    (flight.FlightUnavailableError, "UNAVAILABLE"),
    (flight.FlightTimedOutError, "DEADLINE_EXCEEDED"),
    (flight.FlightUnauthenticatedError, "UNAUTHENTICATED"),
    (flight.FlightUnauthorizedError, "PERMISSION_DENIED"),
    (flight.FlightCancelledError, "CANCELLED"),
    (flight.FlightInternalError, "INTERNAL"),
    (pa.ArrowKeyError, "NOT_FOUND"),
    (pa.ArrowNotImplementedError, "UNIMPLEMENTED"),
    (pa.ArrowInvalid, "INVALID_ARGUMENT"),
]
_CODE_IN_TEXT = re.compile(r"gRPC client debug context: ([A-Z_]+):")


class TruncatedWarning(UserWarning):
    """The answer was cut at `max_rows`: the server has more rows."""


class Place(NamedTuple):
    """One thing that is wrong with a query: what, and where in its text, counted from 1; the hint is None where there is none."""

    line: int | None
    column: int | None
    message: str
    hint: str | None


class QueryError(Exception):
    """A server refused or could not finish what it was asked.

    `str()` gives the server's text with the line of the query and a caret below the place.

    Attributes:
        message: what is wrong first, in one line.
        line, column: its place in the text of the query, from 1; None where the error has no place.
        hint: what was perhaps meant; None where there is no guess.
        places: everything that is wrong; empty where the error has no place.
        code: the gRPC code's name, such as `INVALID_ARGUMENT`, `NOT_FOUND`, `DEADLINE_EXCEEDED` or `UNAVAILABLE`.
    """

    def __init__(self, text: str, places: Sequence[Place] = (), code: str = "UNKNOWN") -> None:
        super().__init__(text)
        self.places = list(places) or _places_in_text(text)
        first = self.places[0] if self.places else Place(None, None, text, None)
        self.message, self.line, self.column, self.hint = first.message, first.line, first.column, first.hint
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), self.places, self.code))


def from_flight(error: Exception, headers: Mapping[str, Sequence[Any]]) -> QueryError:
    """The error of a pyarrow call, with what the header fields and trailers of that call say."""
    whole = str(error)
    told = _CODE_IN_TEXT.search(whole)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), told[1] if told else "UNKNOWN")
    text = _FLIGHT_BEFORE.sub("", whole.split(_FLIGHT_AFTER)[0], count=1)
    values = headers.get(ERRORS_FIELD) or [b""]
    return QueryError(text, _places(values[0]), code)


def from_adbc(error: Exception) -> QueryError:
    """The error of an ADBC call, with what its details say."""
    details: Sequence[tuple[Any, Any]] = getattr(error, "details", None) or ()
    value = next((value for name, value in details if name in (ERRORS_FIELD, ERRORS_FIELD.encode())), b"")
    found = _ADBC.match(str(error))
    code = re.match(r"[A-Z_]+(?=: )", str(error))
    names = {"INVALID_ARGUMENTS": "INVALID_ARGUMENT", "TIMEOUT": "DEADLINE_EXCEEDED", "NOT_IMPLEMENTED": "UNIMPLEMENTED", "IO": "UNAVAILABLE"}
    return QueryError(found[1] if found else str(error), _places(value), names.get(code[0], code[0]) if code else "UNKNOWN")


def _places(value: bytes | str) -> list[Place]:
    """The places of the header field; none where it is absent or unreadable."""
    try:
        told = json.loads(value) if value else []
        return [Place(place.get("line"), place.get("column"), str(place.get("message", "")), place.get("hint")) for place in told]
    except (ValueError, AttributeError, TypeError):
        return []


def _places_in_text(text: str) -> list[Place]:
    """The first place that the text itself names: for answers without the header field."""
    found = _PLACE.match(text)
    if not found:
        return []
    hint = _HINT.search(text)
    return [Place(int(found[1]), int(found[2]), found[3], hint[1] if hint else None)]


def warn_truncated(rows: int) -> None:
    """Warns that an answer ends before its end, at the line of the program that asked for it."""
    frame, level = sys._getframe(0), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    text = f"the answer was cut after {rows} rows, at max_rows: the server has more"
    warnings.warn(text, TruncatedWarning, stacklevel=level)
