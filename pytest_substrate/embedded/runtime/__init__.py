"""The runtime of the embedded platform: containers are local processes, from real OCI images.

The host's Python interpreter stands in for the base layer; nothing else of the host does.
"""
