"""Export, import and copy whole stores, users and namespaces: to files and between stores."""

from .api import acopy, aexport, aimport_, averify, copy, export, import_, verify
from .manifest import Manifest

__all__ = [
    "Manifest",
    "acopy",
    "aexport",
    "aimport_",
    "averify",
    "copy",
    "export",
    "import_",
    "verify",
]
