"""The pure half of the release plane: observations in, a diagnosis out."""
