"""Moving data: whole stores, users and namespaces to files and back, and between stores."""

from .manifest import Manifest
from .api import (
acopy,
aexport,
aimport_,
averify,
copy,
export,
import_,
verify,
)

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
