"""How does a query bring tables along? By TAP: there an upload lives for one request, and needs no place and no rights on the server.

The request is one multipart form to `/sync`, tables as Arrow streams, the answer an Arrow file, whose footer says whether it was cut.
Flight has no such requests. Tables that stay are `Connection.upload`'s.
"""

from __future__ import annotations

import base64
import http.client
import io
import re
import secrets
import ssl
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ._errors import QueryError
from ._inputs import as_batches
from ._transport import Login, Options

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED",
          413: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}  # fmt: skip


class Tap:
    """A TAP service, by its address."""

    def __init__(self, address: str, login: Login, roots: bytes | None, verify: bool) -> None:
        self._sync = address.rstrip("/") + "/sync"
        self._login = login
        self._context = None
        if address.startswith("https:"):
            self._context = ssl.create_default_context(cadata=roots.decode() if roots else None)
            if not verify:
                self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def query(self, text: str, uploads: Mapping[str, Any], options: Options) -> tuple[pa.Table, bool]:
        """The answer, and whether it was cut.

        Errors: `QueryError`; ValueError for a name that is no identifier. `timeout` is the time without a byte after which the call is
        given up, which ends the query.
        """
        fields = {"LANG": (options.language or "adql").upper(), "QUERY": text, "RESPONSEFORMAT": "arrow-file"}
        if options.max_rows is not None:
            fields["MAXREC"] = str(options.max_rows)
        parts = {}
        for number, (name, table) in enumerate(uploads.items()):
            if not _NAME.match(name):
                raise ValueError(f"{name!r} is no name for an uploaded table, expected a letter, then letters, digits and underscores")
            parts[f"table{number}"] = _stream(table)
        fields["UPLOAD"] = ";".join(f"{name},param:table{number}" for number, name in enumerate(uploads))
        boundary = secrets.token_hex(16)
        body = b"".join(_form(fields, parts, boundary))
        request = urllib.request.Request(self._sync, body, {"Content-Type": f"multipart/form-data; boundary={boundary}", **self._authorization()})
        return _table(self._answer(request, options.timeout))

    def _answer(self, request: urllib.request.Request, timeout: float | None) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self._context) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise QueryError(_told(error.read()), code=_CODES.get(error.code, "INTERNAL")) from None
        except TimeoutError:
            raise QueryError(f"the query did not answer within {timeout} s", code="DEADLINE_EXCEEDED") from None
        except (OSError, http.client.HTTPException) as error:
            raise QueryError(f"{request.full_url}: {getattr(error, 'reason', error)}", code="UNAVAILABLE") from None

    def _authorization(self) -> dict[str, str]:
        if self._login.token is not None:
            return {"Authorization": f"Bearer {self._login.token}"}
        if self._login.user is not None:
            pair = f"{self._login.user}:{self._login.password or ''}"
            return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        return {}


def _stream(table: Any) -> bytes:
    """A table as an Arrow stream."""
    batches, out = as_batches(table), io.BytesIO()
    with pa.ipc.new_stream(out, batches.schema) as writer:
        for batch in batches.batches:
            writer.write_batch(batch)
    return out.getvalue()


def _form(fields: Mapping[str, str], parts: Mapping[str, bytes], boundary: str) -> Iterator[bytes]:
    for name, value in fields.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, content in parts.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.arrow"\r\n'.encode()
        yield b"Content-Type: application/vnd.apache.arrow.stream\r\n\r\n" + content + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _table(content: bytes) -> tuple[pa.Table, bool]:
    try:
        reader = pa.ipc.open_file(pa.py_buffer(content))
        return reader.read_all(), (reader.metadata or {}).get(b"sidereus.overflow") == b"true"
    except pa.ArrowException as error:
        raise QueryError(f"the answer is no Arrow file: {error}", code="DATA_LOSS") from None


def _told(document: bytes) -> str:
    """What an error document of TAP says: the text of its QUERY_STATUS, else all of it."""
    try:
        for element in ElementTree.fromstring(document).iter():
            if element.tag.endswith("INFO") and element.get("name") == "QUERY_STATUS":
                return (element.text or "").strip()
    except ElementTree.ParseError:
        pass
    return document.decode(errors="replace").strip()
