"""The cloud of the embedded platform: ministack in a process of its own, with a thin front that adds what it lacks.

`cloud.Cloud` starts it; everything else here runs in that process.
"""
