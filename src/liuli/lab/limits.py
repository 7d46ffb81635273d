"""What one page may ask of the machine."""

LARGEST_BODY = 16 << 20
"""Bytes of an upload: a photograph of a telephone."""
MOST_RECORDS = 8
"""Records that stay open; the one not looked at for longest is closed for a new one."""
MOST_BYTES = 4 << 30
"""Bytes of all their values together; at least the newest stays."""
MOST_WAITING = 16
"""Computations that wait for their turn; a further one is refused."""
SECONDS = 120.0
"""After which a computation is no longer waited for."""
MOST_NUMBERS = 1 << 22
"""Elements of a value in one answer, or behind one picture."""
MOST_CONNECTIONS = 200
"""At once."""
MOST_EDITS = 64
"""Numbers that are set at once, to see what would be."""
MOST_CHANGES = 24
"""Values of which it is said how much they changed."""
MOST_MADE = 1000
"""Tokens of an answer that goes on with a text."""
MOST_KNOWN = 1000
"""Words that the data know, users among them, of which a page proposes some."""
MOST_COMPARED = 6
"""Runs beside one another."""
