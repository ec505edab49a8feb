"""Asks a Sidereus server, a query engine for astronomical catalogs, from Python.

    import sidereus
    with sidereus.connect("grpc://127.0.0.1:32010") as sky:
        stars = sky.query("SELECT TOP 5 hip, ra, dec, plx FROM hipparcos2 ORDER BY plx DESC", format="astropy")

Rows travel as Arrow and become what is asked for: a `pyarrow.Table`, an astropy `Table` with units and masked nulls, a frame
of pandas or polars. An answer that was cut says so (`TruncatedWarning`), a wrong query where it is wrong (`QueryError`).
"""

from ._connection import Connection, connect
from ._describe import Column, Estimate, Table
from ._errors import Place, QueryError, TruncatedWarning
from ._stream import Stream

__version__ = "0.1.0"

__all__ = ["Column", "Connection", "Estimate", "Place", "QueryError", "Stream", "Table", "TruncatedWarning", "connect"]

# Errors and warnings are shown under the name by which they are caught.
for _public in (Connection, Column, Estimate, Place, QueryError, Stream, Table, TruncatedWarning):
    _public.__module__ = __name__
