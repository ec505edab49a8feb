"""What is done by ADBC's Flight SQL driver: uploads (`CommandStatementIngest`), which pyarrow.flight has not."""

from __future__ import annotations

from typing import Any, Literal

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi
import adbc_driver_manager

from ._describe import path
from ._errors import from_adbc
from ._inputs import Batches
from ._transport import Login

Mode = Literal["create", "append", "replace", "create_append"]


class Driver:
    """A connection of ADBC, opened when it is first needed."""

    def __init__(self, uri: str, login: Login, roots: bytes | None, verify: bool) -> None:
        self._uri, self._settings = uri, _settings(login, roots, verify)
        self._open: Any = None

    def _connection(self) -> Any:
        if self._open is None:
            self._open = adbc_driver_flightsql.dbapi.connect(self._uri, db_kwargs=self._settings, autocommit=True)
        return self._open

    def ingest(self, targets: Batches, name: str, mode: Mode) -> int:
        """Makes or extends a table; gives the rows that were sent. Errors: `QueryError`; whatever the batches raise."""
        *schema, table = path(name)
        if len(schema) > 1:
            raise ValueError(f"{name!r} has {len(schema) + 1} parts, expected NAME or SCHEMA.NAME")
        place = {"db_schema_name": schema[0]} if schema else {}
        try:
            with self._connection().cursor() as cursor:
                return int(cursor.adbc_ingest(table, targets.reader(), mode=mode, **place))
        except adbc_driver_manager.Error as error:
            raise from_adbc(error) from None

    def close(self) -> None:
        """Closes the connection if there is one."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _settings(login: Login, roots: bytes | None, verify: bool) -> dict[str, str]:
    settings = {}
    if login.token is not None:
        settings["adbc.flight.sql.authorization_header"] = f"Bearer {login.token}"
    elif login.user is not None:
        settings.update(username=login.user, password=login.password or "")
    if roots is not None:
        settings["adbc.flight.sql.client_option.tls_root_certs"] = roots.decode()
    if not verify:
        settings["adbc.flight.sql.client_option.tls_skip_verify"] = "true"
    return settings
