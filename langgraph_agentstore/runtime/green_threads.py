"""Green threads, as gevent and eventlet put in the place of real ones: refused where they are.

The I/O thread would run within the thread that waits for it, and neither would ever go on.
"""

from __future__ import annotations

import sys

from ..errors import ConfigurationError

_GEVENT = "gevent.monkey"
_EVENTLET = "eventlet.patcher"


def check_threads() -> None:
    """Raises a ConfigurationError where threads are not real."""
    if _GEVENT in sys.modules and _gevent_replaced_threads():
        raise ConfigurationError(
            "gevent has replaced this process's threads, and the store needs one of its own: say "
            "monkey.patch_all(thread=False, queue=False). gunicorn's gevent workers replace all; "
            "its gthread workers do not"
        )
    if _EVENTLET in sys.modules and sys.modules[_EVENTLET].is_monkey_patched("thread"):
        raise ConfigurationError(
            "eventlet has replaced this process's threads, and the store needs one of its own: "
            "say eventlet.monkey_patch(thread=False). gunicorn's eventlet workers replace all; "
            "its gthread workers do not"
        )


def _gevent_replaced_threads() -> bool:
    is_patched = sys.modules[_GEVENT].is_module_patched
    # The queues of gevent do not wake real threads.
    return bool(is_patched("threading") or is_patched("queue"))
