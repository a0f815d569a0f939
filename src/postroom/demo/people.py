"""Who works at the demo's company, and who sees whose mail."""

from dataclasses import dataclass

from postroom.core.model import Permission, Profile, UserStatus

COMPANY = "Kestrel Roasting Machines"
ORGANISATION = f"{COMPANY} (Postroom demo)"  # the demo is known by it; nobody else's organisation is called so
TIME_ZONE = "Europe/London"
DOMAIN = "kestrel-roasting.example"
EXCLUDED_DOMAINS = ("larchandpike.example",)  # the company's solicitors


@dataclass(frozen=True, slots=True)
class DemoRole:
    """A role, the role above it, and its e-mail preference; `audience` are roles with those below, or everyone."""

    name: str
    under: str | None = None
    preference: Permission | None = None
    audience: tuple[str, ...] = ()
    excluded_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A colleague; `mailbox` is a protocol, `local` the part of the address before the @.

    `earlier_mailbox` is the protocol of the mailbox that the colleague had until `MOVED_DAYS_AGO`. `audience` goes
    with the assigned permission: roles with those below, or everyone.
    """

    local: str
    name: str
    user_id: int
    role: str | None
    mailbox: str | None = None
    earlier_mailbox: str | None = None
    assigned: Permission | None = None
    audience: tuple[str, ...] = ()
    chosen: Permission | None = None
    excluded_domains: tuple[str, ...] = ()
    profile: Profile = Profile.STANDARD
    status: UserStatus = UserStatus.ACTIVE

    @property
    def email(self) -> str:
        """Give the address at the company's domain."""
        return f"{self.local}@{DOMAIN}"

    @property
    def first_name(self) -> str:
        """Give the name that a letter begins with."""
        return self.name.split()[0]

    @property
    def title(self) -> str:
        """Give what stands below the name in a signature."""
        return self.role or "IT"


ROLES = (
    DemoRole("Managing Director"),
    DemoRole("Head of Sales", "Managing Director"),
    DemoRole("Sales North", "Head of Sales"),
    DemoRole("Sales South", "Head of Sales"),
    DemoRole("Head of Service", "Managing Director"),
    DemoRole(
        "Service Engineer",
        "Head of Service",
        preference=Permission.PUBLIC,
        audience=("Head of Sales", "Head of Service"),
        excluded_domains=("gasinspectorate.example",),
    ),
    DemoRole("Finance", "Managing Director", preference=Permission.PRIVATE),
)

CALLER = Person("clara.whitlock", "Clara Whitlock", 412463000000512004, "Sales North", "imap", chosen=Permission.CUSTOM)

MOVED_DAYS_AGO = 100

COLLEAGUES = (
    Person("helen.marsh", "Helen Marsh", 412463000000101001, "Managing Director", "imap", assigned=Permission.PRIVATE),
    Person(
        "tomas.rivera",
        "Tomás Rivera",
        412463000000204011,
        "Head of Sales",
        "imap",
        earlier_mailbox="pop",
        assigned=Permission.PUBLIC,
    ),
    Person("will.grandon", "Will Grandon", 412463000001213019, "Sales North", "pop", chosen=Permission.CUSTOM),
    Person(
        "boyle",
        "boyle",
        412463000000867017,
        "Sales North",
        "imap",
        chosen=Permission.PUBLIC,
        excluded_domains=("whitbyrowing.example",),
    ),
    CALLER,
    Person("priya.natarajan", "Priya Natarajan", 412463000000731008, "Sales South", "imap"),
    Person("jurgen.falk", "Jürgen Falk", 412463000000655002, "Sales South", "pop", chosen=Permission.PRIVATE),
    Person(
        "gareth.pugh",
        "Gareth Pugh",
        412463000000340006,
        "Sales South",
        "pop",
        assigned=Permission.PUBLIC,
        status=UserStatus.INACTIVE,
    ),
    Person("nadia.haddad", "Nadia Haddad", 412463000000289007, "Sales South", status=UserStatus.DELETED),
    Person(
        "ines.duarte",
        "Inês Duarte",
        412463000000422015,
        "Head of Service",
        "imap",
        assigned=Permission.CUSTOM,
        audience=("Head of Sales",),
    ),
    Person("marek.zielinski", "Marek Zieliński", 412463000000918003, "Service Engineer", "imap"),
    Person("olivia.brandt", "Olivia Brandt", 412463000001044009, "Service Engineer"),
    Person("samuel.okafor", "Samuel Okafor", 412463000000577012, "Finance", "imap", chosen=Permission.PUBLIC),
)

# Added last: who finds this user knows that the demo is complete.
ADMINISTRATOR = Person("dana.petrescu", "Dana Petrescu", 412463000000100001, None, profile=Profile.ADMINISTRATOR)
