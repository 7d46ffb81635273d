"""Where things are in a picture: boxes."""
