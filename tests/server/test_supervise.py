"""What a server needs alone is found out before anything of it starts."""

import os
import socket
from multiprocessing import Pipe
from pathlib import Path

import pytest

from server.kit import claims
from server.kit.nursery import Nursery
from server.kit.processes import StartError
from server.kit.settings import Settings
from server.parts import Wanted
from server.supervise import Supervisor


def test_a_port_that_another_program_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        supervisor = Supervisor(Settings(data_dir=tmp_path, web_port=port), _nobody())
        with pytest.raises(StartError, match=rf"port {port} of 127\.0\.0\.1 cannot be used .*choose another"):
            supervisor.start()
        supervisor.shut_down()
    assert not (tmp_path / "postgres").exists()
    claims.check_free(tmp_path / "supervisor.lock")


def test_a_folder_that_another_server_holds_is_refused_with_its_process(tmp_path: Path) -> None:
    with (
        claims.claim(tmp_path / "supervisor.lock"),
        pytest.raises(StartError, match=r"another server already runs in .* \(process \d+\)"),
    ):
        Supervisor(Settings(data_dir=tmp_path), _nobody()).start()


def _nobody() -> Nursery[Wanted]:
    """A nursery that is never asked for anything."""
    ours, _ = Pipe()
    return Nursery(ours, os.getpid())
