"""Text that comes from mail servers and files, and is shown to people."""


def printable(text: str) -> str:
    """Replace what could steer a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
