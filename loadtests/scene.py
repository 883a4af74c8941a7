"""What a load needs to know of the installation that it is aimed at."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contract.messages import OrderLine


class DeviceScene(BaseModel):
    """One enrolled terminal, and what it orders each time."""

    model_config = ConfigDict(frozen=True)

    device: str
    key: str
    lines: tuple[OrderLine, ...]


class Scene(BaseModel):
    """The installation: address, open window, terminals, a signed-in person's cookie and the pages to look at."""

    model_config = ConfigDict(frozen=True)

    url: str
    window: UUID
    devices: tuple[DeviceScene, ...]
    cookie: str
    pages: tuple[str, ...]
