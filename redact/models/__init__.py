"""The models: found, checked by hash, joined or fetched on request. No model package is ever imported.

`locate` is what a run needs: a name or a folder in, a folder that an engine can load out. It never touches the network.
"""

from redact.models.cache import cache_dir
from redact.models.find import Damaged, ModelFiles, NotHere, Status, locate, pull, verify
from redact.models.registry import ANY_LANGUAGE, Engine, Model, Registry

__all__ = [
    "ANY_LANGUAGE",
    "Damaged",
    "Engine",
    "Model",
    "ModelFiles",
    "NotHere",
    "Registry",
    "Status",
    "cache_dir",
    "locate",
    "pull",
    "verify",
]
