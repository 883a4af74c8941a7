"""The server's Chinese texts: the same as ``python -m evenhand.catalogs --part server``."""

import runpy
import sys

sys.argv[1:1] = ["--part", "server"]
runpy.run_module("evenhand.catalogs", run_name="__main__")
