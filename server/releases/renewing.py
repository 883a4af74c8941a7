"""The server's own roles, renewed by the worker while it runs: a look once a minute, a signature twice a day.

Several workers may look: one signs at a time, and what is fresh is not signed again.
"""

import structlog

from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.releases import publishing
from server.releases.errors import ReleaseRefusedError
from server.releases.repository import Repository

log = structlog.get_logger(__name__)
LOOKS_EVERY_S = 60.0


def run(runtime: Runtime, stop: Ending) -> None:
    """Renew until ``stop``; what fails is said once and tried again."""
    repository, said = Repository(runtime.settings.data_dir), ""
    while not stop.is_set():
        try:
            done = publishing.renew(repository, runtime.clock())
        except ReleaseRefusedError as error:
            if str(error) != said:
                said = str(error)
                log.error("releases_not_renewed", why=said)  # noqa: TRY400 - one line says all
        else:
            said = ""
            if done:
                log.info("releases_renewed", roles=done)
        stop.wait(LOOKS_EVERY_S)
