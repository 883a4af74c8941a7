"""For all tests: examples are judged by what they show, not by how long a busy machine takes."""

import hypothesis

hypothesis.settings.register_profile("evenhand", deadline=None)
hypothesis.settings.load_profile("evenhand")
