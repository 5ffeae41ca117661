"""For all tests."""

from hypothesis import settings

# How long an example takes says more about what runs beside it than about the code.
settings.register_profile("beside-others", deadline=None)
settings.load_profile("beside-others")
