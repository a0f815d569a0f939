"""The demo's conversations as messages (RFC 5322), the same bytes each time."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import Enum, auto
from html import escape
from textwrap import fill
from zoneinfo import ZoneInfo

from postroom.core.addresses import normalise_address
from postroom.demo.conversations import CONVERSATIONS, Conversation, Letter, Side
from postroom.demo.correspondence import MACHINES, OFFICES, THREADS, Office, Thread
from postroom.demo.people import COLLEAGUES, COMPANY, DOMAIN, MOVED_DAYS_AGO, TIME_ZONE, Person
from postroom.demo.records import table

LAST_DAY = datetime(2026, 10, 30, tzinfo=ZoneInfo(TIME_ZONE))
_OPENS, _CLOSES = 8, 18  # hours between which the demo's people write
_SATURDAY = 5
_LINE = 72
_FIRST_SERIAL = 7000

_ATTACHMENTS = {
    "delivery-note.csv": "Position,Part,Pieces\n1,Bearing set 30-118,1\n2,Seal of the burner window,2\n",
    "parts-list.csv": "Position,Part,Pieces\n1,Drum with front plate,1\n2,Cooling tray,1\n7,Chaff collector,1\n",
    "protocol.csv": "Measured,Value,Limit\nDraught,0.9 mbar,0.7 mbar\nNoise at 3 m,33 dB,35 dB\nGas leak,none,none\n",
    "roast-curves.csv": "Minute,Profile 1,Profile 2,Profile 3\n0,185,185,190\n4,118,112,121\n8,164,158,169\n",
}


class Withheld(Enum):
    """What the colleague withholds by hand: this one e-mail, or the conversation that it begins."""

    EMAIL = auto()
    THREAD = auto()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one place: a colleague's mailbox, or what that colleague sent from the CRM.

    `earlier` says that it is the mailbox that the colleague had before the present one.
    """

    colleague: Person
    from_crm: bool
    filed_on: str | None
    raw: bytes
    earlier: bool
    withheld: Withheld | None


@dataclass(frozen=True, slots=True)
class _Correspondence:
    """A conversation with everything that its braces stand for."""

    thread: Thread
    conversation: Conversation
    customer: Office
    colleague: Person
    serial: int

    def fill(self, text: str, written: datetime) -> str:
        """Give a text with its braces filled in."""
        machine, price, weekly = MACHINES[self.thread.machine]
        day = _day_ahead(written)
        return text.format(
            company=self.customer.company,
            town=self.customer.town,
            machine=machine,
            price=price,
            weekly=weekly,
            number=self.thread.number or self.serial,
            day=f"{day:%A} {day.day} {day:%B}",
        )

    def message_id(self, index: int) -> str:
        """Give the Message-ID of one letter, at its writer's domain."""
        by_customer = self.conversation.letters[index].side is Side.CUSTOMER
        domain = _compared(self.thread.address).rpartition("@")[2] if by_customer else DOMAIN
        return f"<{self.serial}.{index + 1}.{self.thread.conversation.replace('_', '-')}@{domain}>"


def deliveries() -> list[Delivery]:
    """Give every message of the demo once for each place that it lies in."""
    customers, colleagues = _customers(), {person.local: person for person in COLLEAGUES}
    found: list[Delivery] = []
    for serial, thread in enumerate(THREADS, start=_FIRST_SERIAL):
        conversation, customer = CONVERSATIONS[thread.conversation], customers[thread.address]
        correspondence = _Correspondence(thread, conversation, customer, colleagues[thread.colleague], serial)
        readers = [colleagues[name] for name in thread.colleagues]
        in_copy = [_address(reader.name, reader.email) for reader in readers]
        in_copy += [_address(customers[address].full_name, address) for address in thread.in_copy]
        for index, message in enumerate(_messages(correspondence, in_copy)):
            found += _places(correspondence, index, message, readers)
    return found


def _places(
    correspondence: _Correspondence, index: int, message: EmailMessage, readers: list[Person]
) -> Iterator[Delivery]:
    thread, colleague = correspondence.thread, correspondence.colleague
    from_crm = thread.from_crm and correspondence.conversation.letters[index].side is Side.COLLEAGUE
    if from_crm or colleague.mailbox is not None:
        yield _delivery(colleague, message, thread, from_crm=from_crm, withheld=_withheld(thread, index))
    for reader in readers:
        yield _delivery(reader, message, thread, from_crm=False, withheld=None)


def _delivery(
    person: Person, message: EmailMessage, thread: Thread, *, from_crm: bool, withheld: Withheld | None
) -> Delivery:
    before_the_move = message["Date"].datetime < LAST_DAY - timedelta(days=MOVED_DAYS_AGO)
    earlier = person.earlier_mailbox is not None and before_the_move and not from_crm
    return Delivery(person, from_crm, thread.filed_on, message.as_bytes(), earlier, withheld)


def _withheld(thread: Thread, index: int) -> Withheld | None:
    if thread.withheld and index == 0:
        return Withheld.THREAD
    return Withheld.EMAIL if thread.withheld_letter == index else None


def _customers() -> dict[str, Office]:
    """Give who writes from which address: Leads, Contacts and offices."""
    found = dict(OFFICES)
    for module, company in (("Leads", "Company"), ("Contacts", "Account_Name")):
        with table(module) as path, path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                full_name = f"{row['First_Name']} {row['Last_Name']}"
                found[row["Email"]] = Office(row["First_Name"], full_name, row[company], row["City"])
    return found


def _messages(correspondence: _Correspondence, in_copy: list[Address]) -> Iterator[EmailMessage]:
    written = _working_time(LAST_DAY - timedelta(days=correspondence.thread.days_ago, hours=-9))
    subject = correspondence.fill(correspondence.conversation.subject, written)
    earlier = ""
    for index, letter in enumerate(correspondence.conversation.letters):
        minutes = (correspondence.serial + index) * 13 % 60
        written = _working_time(written + timedelta(hours=letter.hours, minutes=minutes))
        text = _text(correspondence, index, written)
        message = _addressed(correspondence, letter, in_copy)
        message["Subject"] = f"Re: {subject}" if index else subject
        message["Date"] = written
        _thread(message, correspondence, index)
        _fill_body(message, correspondence, letter, text + earlier, written)
        earlier = _quoted(message, text, written)
        yield message


def _working_time(moment: datetime) -> datetime:
    """Move a moment to the next hour at which somebody is at work."""
    if moment.hour >= _CLOSES:
        moment += timedelta(days=1)
    if not _OPENS <= moment.hour < _CLOSES:
        moment = moment.replace(hour=_OPENS)
    if moment.weekday() >= _SATURDAY:
        moment += timedelta(days=7 - moment.weekday())
    return moment


def _day_ahead(written: datetime) -> datetime:
    """Give the day that a letter proposes."""
    return _working_time(written + timedelta(days=9))


def _addressed(correspondence: _Correspondence, letter: Letter, in_copy: list[Address]) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    customer = _address(correspondence.customer.full_name, correspondence.thread.address)
    colleague = _address(correspondence.colleague.name, correspondence.colleague.email)
    by_customer = letter.side is Side.CUSTOMER
    message["From"], message["To"] = (customer, colleague) if by_customer else (colleague, customer)
    if in_copy:
        message["Cc"] = in_copy
    return message


def _address(name: str, address: str) -> Address:
    return Address(name, addr_spec=_compared(address))


def _compared(address: str) -> str:
    """Give an address with its domain in ASCII, as it stands in a header field."""
    compared = normalise_address(address)
    if compared is None:
        raise ValueError(f"{address!r} in the demo is not an address")
    return compared


def _thread(message: EmailMessage, correspondence: _Correspondence, index: int) -> None:
    """Tie a message to those before it (RFC 5322, section 3.6.4)."""
    message["Message-ID"] = correspondence.message_id(index)
    if index:
        message["In-Reply-To"] = correspondence.message_id(index - 1)
        message["References"] = " ".join(map(correspondence.message_id, range(index)))


def _text(correspondence: _Correspondence, index: int, written: datetime) -> str:
    letter, colleague = correspondence.conversation.letters[index], correspondence.colleague
    greeting = correspondence.conversation.greeting
    customer = correspondence.customer
    if letter.side is Side.CUSTOMER:
        reader, signature = colleague.first_name, f"{customer.full_name}\n{customer.company}, {customer.town}"
    else:
        reader, signature = customer.first_name, f"{colleague.name}\n{colleague.title}, {COMPANY}"
    return f"{greeting} {reader},\n\n{_wrapped(correspondence.fill(letter.text, written))}\n\n{signature}\n"


def _wrapped(text: str) -> str:
    """Break lines as a mail program does (RFC 5322, section 2.1.1)."""
    return "\n\n".join(fill(paragraph, _LINE) for paragraph in text.split("\n\n"))


def _fill_body(
    message: EmailMessage, correspondence: _Correspondence, letter: Letter, text: str, written: datetime
) -> None:
    message.set_content(text, cte="quoted-printable")
    if letter.as_html:
        message.add_alternative(_html(text), "html", cte="quoted-printable")
    if letter.attachment is not None:
        _attach(message, letter.attachment, correspondence, written)
    _name_boundaries(message)


def _html(text: str) -> str:
    paragraphs = (escape(part).replace("\n", "<br>") for part in text.strip().split("\n\n"))
    return "<html><body>\n" + "".join(f"<p>{part}</p>\n" for part in paragraphs) + "</body></html>\n"


def _attach(message: EmailMessage, name: str, correspondence: _Correspondence, written: datetime) -> None:
    if name.endswith(".ics"):
        message.add_attachment(_calendar(correspondence, written), "calendar", filename=name, cte="quoted-printable")
    else:
        message.add_attachment(_ATTACHMENTS[name], "csv", filename=name)


def _calendar(correspondence: _Correspondence, written: datetime) -> str:
    """Give an appointment on the letter's {day} (RFC 5545)."""
    day = _day_ahead(written)
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{COMPANY}//EN",
        "BEGIN:VEVENT",
        f"UID:{correspondence.serial}@{DOMAIN}",
        f"DTSTAMP:{written:%Y%m%d}T080000Z",
        f"DTSTART:{day:%Y%m%d}T103000",
        f"DTEND:{day:%Y%m%d}T113000",
        f"SUMMARY:{COMPANY} and {correspondence.customer.company}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "\n".join(lines) + "\n"


def _name_boundaries(message: EmailMessage) -> None:
    """Keep the library from drawing boundaries at random: importing again is to find the same bytes."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_kestrel_{number}")


def _quoted(message: EmailMessage, text: str, written: datetime) -> str:
    """Give a letter as the reply quotes it."""
    quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    writer = message["From"].addresses[0].display_name
    return f"\nOn {written.day} {written:%B %Y at %H:%M}, {writer} wrote:\n{quoted}\n"
