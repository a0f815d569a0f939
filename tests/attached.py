"""Mail that brings files along."""

from email.message import EmailMessage

from tests.team import email_of


def with_files(to: str, *files: bytes, line_end: str = "\r\n") -> bytes:
    """Give a message from a customer to a user with some files."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "carol@customer.example", email_of(to), f"For {to}"
    mail.set_content("See the files.")
    for number, content in enumerate(files):
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=f"{number}.pdf")
    return mail.as_bytes(policy=mail.policy.clone(linesep=line_end))
