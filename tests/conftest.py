"""For all tests: examples are judged by what they show, not by how long a busy machine takes.

A run for a change (CI set) takes the same examples every time, so that it judges the change; all others look further.
"""

import os

import hypothesis

hypothesis.settings.register_profile("evenhand", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("evenhand")
