"""Import what an installation and its demonstration run, so that Python has compiled it before the first start."""

import importlib

PARTS = (
    "evenhand.demo.command",
    "evenhand.demo.play",
    "evenhand.demo.iowa",
    "server.supervise",
    "server.app",
    "server.worker",
    "server.solver",
    "server.ingest",
    "allocation.baskets.sharing",
    "allocation.verification",
    "ortools.sat.python.cp_model",
    "ortools.math_opt.python.mathopt",
    "alembic.command",
    "uvicorn",
)

for name in PARTS:
    importlib.import_module(name)
