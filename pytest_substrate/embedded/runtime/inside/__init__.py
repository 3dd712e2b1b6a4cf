"""What runs inside a container, in the application's own interpreter: the standard library alone, imported by path.

`start.py` is the program; `paths.py` lets the image's absolute paths mean the image; `program.py` finds what a command
line names. None of it is part of the image.
"""
