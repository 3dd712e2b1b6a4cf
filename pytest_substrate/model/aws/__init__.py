"""Facts of AWS, as much of them as a check rests on. Frozen, without I/O; no secret's value and no environment's."""
