"""How are packages imported that not everybody has? When they are first needed, with an error that says what to install."""

from __future__ import annotations

import importlib
from typing import Any


def extra(module: str, name: str) -> Any:
    """Imports a module of an optional dependency.

    Errors: ImportError that names the extra to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(f"this needs {package}, which is not installed: pip install 'sidereus[{name}]'") from error
