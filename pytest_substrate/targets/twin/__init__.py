"""The twin: a task definition that is the service's own in all that a credential, a network or an image can feel."""
