"""AWS denials in log text: where they stand, and who was refused what, on what, by which kind of policy. Pure.

The lines of a log are taken out of their envelopes (`lines`) and put together to events (`events`, `wrapping`), each
brought into plain text (`plain`). An event is read for the sentence in which AWS says who may not do what (`sentence`),
for the forms in which SDKs tell of an error (`codes`), and for what services say in words of their own (`phrases`);
a CloudTrail record speaks by its own fields (`trail`). `find` puts one entry together for each refusal of an event.
"""

from pytest_substrate.planes.data.denied.denial import Denial, Effect, Source
from pytest_substrate.planes.data.denied.find import find_denials

__all__ = ["Denial", "Effect", "Source", "find_denials"]
