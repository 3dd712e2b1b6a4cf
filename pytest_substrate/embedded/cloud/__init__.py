"""The cloud of the embedded platform: ministack in a process of its own, with a thin front that adds what it lacks."""

from pytest_substrate.embedded.cloud.cloud import Cloud, ControlError, Credentials, Executed, control

__all__ = ["Cloud", "ControlError", "Credentials", "Executed", "control"]
