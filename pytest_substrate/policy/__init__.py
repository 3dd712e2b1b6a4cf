"""AWS policies as pure functions: read as IAM would store them, matched and evaluated as AWS' documentation says.

Imports the model and the standard library alone, so every plane, command and gate may stand on it. What isn't known
(a key's value, an operator, a principal's other names) is UNKNOWN here, never guessed.
"""
