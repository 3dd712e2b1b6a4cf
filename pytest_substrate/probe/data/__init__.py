"""The data probe: what a workload's role may really do in S3, asked from inside its task; a text of its own."""
