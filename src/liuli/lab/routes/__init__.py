"""What the page in the browser may ask, a file for each thing that it asks about."""
