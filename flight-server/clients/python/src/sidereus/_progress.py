"""Who is shown how far a transfer has come? A bar of tqdm, where there is tqdm and somebody who looks.

    progress=None   a bar in notebooks and terminals if tqdm is installed, after a second: short transfers show none
    progress=True   a bar at once, anywhere; without tqdm an ImportError names the extra
    progress=False  none
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from ._extras import extra

_DELAY_SECONDS = 1.0


class Bar:
    """A progress bar, or nothing that behaves like one. Counts only grow."""

    def __init__(self, wanted: bool | None, what: str, unit: str, total: int | None = None) -> None:
        self._bar: Any = None
        self._at = 0
        if wanted is False or (wanted is None and not _somebody_looks()):
            return
        try:
            tqdm = extra("tqdm.auto", "progress").tqdm
        except ImportError:
            if wanted:
                raise
            return
        self._bar = tqdm(total=total, desc=what, unit=f" {unit}", unit_scale=True, delay=0 if wanted else _DELAY_SECONDS)

    def reach(self, count: int) -> None:
        """Moves the bar to a count; one below the present one is ignored."""
        if self._bar is not None and count > self._at:
            self._bar.update(count - self._at)
            self._at = count

    def add(self, count: int) -> None:
        """Moves the bar on."""
        if self._bar is not None:
            self._bar.update(count)
            self._at += count

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _somebody_looks() -> bool:
    """Whether this is a notebook or a terminal."""
    return "ipykernel" in sys.modules or bool(sys.stderr and sys.stderr.isatty())
