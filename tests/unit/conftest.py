"""What holds of every unit test."""

from __future__ import annotations

from hypothesis import settings

# A deadline of hypothesis is a test of speed, which a busy machine fails; what must be fast is held in `benchmarks/`.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")
