"""Which conversations took place: with whom, whose mail they are, and when."""

from typing import NamedTuple


class Office(NamedTuple):
    """Somebody who writes from an address that is no Lead's and no Contact's."""

    first_name: str
    full_name: str
    company: str
    town: str


class Thread(NamedTuple):
    """One conversation; what the colleague writes is sent `from_crm` or from the own mailbox.

    `colleagues` and `in_copy`, customers, read along in Cc. `filed_on` is a record that all of it is associated with
    by hand. The colleague withholds all of it, or one letter (counted from 0), where it says so.
    """

    conversation: str
    address: str
    colleague: str
    days_ago: int
    machine: int
    from_crm: bool = False
    colleagues: tuple[str, ...] = ()
    in_copy: tuple[str, ...] = ()
    filed_on: str | None = None
    number: int | None = None  # of the quotation, order or invoice that it is about
    withheld: bool = False
    withheld_letter: int | None = None


MACHINES = (  # the name, the price, and the kilos a week that it is bought for
    ("Kestrel 3", "€9,800", 25),
    ("Kestrel 15", "€31,400", 90),
    ("Kestrel 30", "€62,800", 220),
    ("Kestrel 60", "€118,500", 600),
)
_K3, _K15, _K30, _K60 = range(4)

OFFICES = {
    "hello@harbourlane.example": Office("Nell", "Nell Marlowe", "Harbour Lane Coffee", "Whitby"),
    "roastery@harbourlane.example": Office("Callum", "Callum Rigg", "Harbour Lane Coffee", "Whitby"),
    "hello@lakesidevending.example": Office("Moira", "Moira Tyson", "Lakeside Vending", "Kendal"),
    "payments@lakesidevending.example": Office("Moira", "Moira Tyson", "Lakeside Vending", "Kendal"),
    "depot@lakesidevending.example": Office("Craig", "Craig Tyson", "Lakeside Vending", "Kendal"),
    "orders@gussberg.example": Office("Maja", "Maja Åkesson", "Gussberg Foundry", "Eskilstuna"),
    "print@ouseprint.example": Office("Harriet", "Harriet Lowe", "Ouse Print", "York"),
    "office@larkfield.example": Office("Bernard", "Bernard Lark", "Larkfield Garden Centre", "Ripon"),
    "hello@minstertearooms.example": Office("Winifred", "Winifred Sykes", "Minster Tea Rooms", "York"),
    "w.nowak@fabryka-wrona.example": Office("Wanda", "Wanda Nowak", "Palarnia Wrona", "Wrocław"),
    "mette@havnen-invest.example": Office("Mette", "Mette Kjær", "Havnens Kaffe", "Aarhus"),
    "rene@elektro-tyson.example": Office("René", "René Tyson", "Tyson Electrical", "Kendal"),
    "site@dalesbuilders.example": Office("Joan", "Joan Metcalfe", "Dales Builders", "Hebden Bridge"),
    "judith@larchandpike.example": Office("Judith", "Judith Larch", "Larch & Pike Solicitors", "Leeds"),
    "r.calder@gasinspectorate.example": Office("Ruth", "Ruth Calder", "Northern Gas Inspectorate", "Leeds"),
    "treasurer@whitbyrowing.example": Office("Stella", "Stella Thwaite", "Whitby Rowing Club", "Whitby"),
}

_LEADS = (
    Thread("fair", "rowan@tidewater-roastery.example", "gareth.pugh", 331, _K15),
    Thread("enquiry", "rowan@tidewater-roastery.example", "gareth.pugh", 318, _K15),
    Thread("sample_roast", "rowan@tidewater-roastery.example", "will.grandon", 190, _K15),
    Thread("visit", "rowan@tidewater-roastery.example", "boyle", 120, _K15, colleagues=("clara.whitlock",)),
    Thread("quotation", "rowan@tidewater-roastery.example", "boyle", 96, _K15, number=2647, withheld=True),
    Thread("fair", "rowan@tidewater-roastery.example", "boyle", 61, _K15, from_crm=True),
    Thread(
        "negotiation", "rowan@tidewater-roastery.example", "boyle", 54, _K15, colleagues=("will.grandon",), number=2647
    ),
    Thread("training", "rowan@tidewater-roastery.example", "clara.whitlock", 20, _K15),
    Thread("leasing", "rowan@tidewater-roastery.example", "priya.natarajan", 41, _K15),
    Thread("enquiry", "zoe.krueger@funkenflug.example", "priya.natarajan", 77, _K30),
    Thread("visit", "zoe.krueger@funkenflug.example", "priya.natarajan", 58, _K30),
    Thread("enquiry", "aoife@slaneybean.example", "priya.natarajan", 133, _K3),
    Thread("sample_roast", "aoife@slaneybean.example", "priya.natarajan", 110, _K3),
    Thread(
        "fair",
        "w.nowak@fabryka-wrona.example",
        "will.grandon",
        66,
        _K30,
        from_crm=True,
        filed_on="Leads/3652397000001790014",
    ),
    Thread("enquiry", "camille@bruleriedeshalles.example", "clara.whitlock", 49, _K15),
    Thread("visit", "camille@bruleriedeshalles.example", "clara.whitlock", 33, _K15, withheld_letter=1),
    Thread("quotation", "mette@havnen-invest.example", "boyle", 45, _K30, filed_on="Leads/3652397000001790016"),
    Thread("enquiry", "hana@umostu.example", "will.grandon", 101, _K3),
    Thread("quotation", "hana@umostu.example", "will.grandon", 80, _K3),
    Thread("enquiry", "tom@ecclesanddaughter.example", "jurgen.falk", 64, _K15),
    Thread("sample_roast", "tom@ecclesanddaughter.example", "jurgen.falk", 44, _K15),
)

_CUSTOMERS = (
    Thread("enquiry", "edith@harbourlane.example", "boyle", 356, _K30),
    Thread("visit", "edith@harbourlane.example", "boyle", 344, _K30, colleagues=("ines.duarte",)),
    Thread("quotation", "edith@harbourlane.example", "clara.whitlock", 330, _K30, from_crm=True, number=2611),
    Thread("order", "edith@harbourlane.example", "boyle", 312, _K30, number=5108),
    Thread("delivery", "edith@harbourlane.example", "ines.duarte", 206, _K30),
    Thread("reference", "edith@harbourlane.example", "boyle", 88, _K30, colleagues=("tomas.rivera", "clara.whitlock")),
    Thread("spare_part", "edith@harbourlane.example", "olivia.brandt", 37, _K30, from_crm=True),
    Thread("invoice_question", "accounts@harbourlane.example", "samuel.okafor", 178, _K30, number=30417),
    Thread("reminder", "accounts@harbourlane.example", "samuel.okafor", 150, _K30, from_crm=True, number=30419),
    Thread("fair", "hello@harbourlane.example", "boyle", 329, _K30),
    Thread("angebot", "a.baechtold@cafe-zürisee.example", "jurgen.falk", 140, _K60, number=2618),
    Thread("visit", "a.baechtold@cafe-zürisee.example", "jurgen.falk", 162, _K60),
    Thread("news", "a.baechtold@cafe-zürisee.example", "jurgen.falk", 60, _K60, from_crm=True),
    Thread("fault", "jiri.novak@sova-kava.example", "priya.natarajan", 231, _K15),
    Thread("spare_part", "jiri.novak@sova-kava.example", "priya.natarajan", 71, _K15),
    Thread("thanks", "jiri.novak@sova-kava.example", "priya.natarajan", 29, _K15),
    Thread("enquiry", "catarina@douro-torrefacao.example", "clara.whitlock", 126, _K60),
    Thread("sample_roast", "catarina@douro-torrefacao.example", "clara.whitlock", 103, _K60),
    Thread(
        "quotation",
        "catarina@douro-torrefacao.example",
        "clara.whitlock",
        52,
        _K60,
        colleagues=("tomas.rivera",),
        number=2634,
    ),
    Thread(
        "negotiation",
        "catarina@douro-torrefacao.example",
        "clara.whitlock",
        26,
        _K60,
        colleagues=("tomas.rivera",),
        number=2634,
    ),
    Thread("quotation", "ragnhild@nordkapp-kaffe.example", "will.grandon", 297, _K15),
    Thread("order", "ragnhild@nordkapp-kaffe.example", "will.grandon", 270, _K15, number=5113),
    Thread("delivery", "ragnhild@nordkapp-kaffe.example", "will.grandon", 174, _K15),
    Thread("shipped", "ragnhild@nordkapp-kaffe.example", "olivia.brandt", 48, _K15, from_crm=True),
    Thread("enquiry", "peter.hargreaves@oldmillbakery.example", "boyle", 250, _K30),
    Thread("visit", "peter.hargreaves@oldmillbakery.example", "boyle", 229, _K30),
    Thread("quotation", "peter.hargreaves@oldmillbakery.example", "clara.whitlock", 205, _K30),
    Thread("order", "peter.hargreaves@oldmillbakery.example", "clara.whitlock", 184, _K30, number=5121),
    Thread("installation", "peter.hargreaves@oldmillbakery.example", "marek.zielinski", 39, _K30),
    Thread(
        "visit", "site@dalesbuilders.example", "marek.zielinski", 63, _K30, filed_on="Installations/3652397000001798003"
    ),
    Thread("invoice_question", "suzanne.holt@oldmillbakery.example", "samuel.okafor", 35, _K30, number=30440),
    Thread("visit", "isabelle@emberoak.example", "tomas.rivera", 117, _K15, colleagues=("helen.marsh",)),
    Thread("quotation", "isabelle@emberoak.example", "tomas.rivera", 92, _K15, number=2640),
    Thread("reference", "isabelle@emberoak.example", "helen.marsh", 78, _K15),
    Thread("contract", "marcus.reed@emberoak.example", "will.grandon", 69, _K3, number=2655),
    Thread("training", "marcus.reed@emberoak.example", "will.grandon", 24, _K3),
    Thread("enquiry", "yoko@nakamura-coffee.example", "clara.whitlock", 98, _K3),
    Thread("sample_roast", "yoko@nakamura-coffee.example", "clara.whitlock", 73, _K3),
    Thread("quotation", "yoko@nakamura-coffee.example", "clara.whitlock", 31, _K3, number=2660),
    Thread("spare_part", "dennis@lakesidevending.example", "gareth.pugh", 301, _K15),
    Thread("contract", "dennis@lakesidevending.example", "gareth.pugh", 262, _K15),
    Thread("news", "dennis@lakesidevending.example", "gareth.pugh", 240, _K15, from_crm=True),
    Thread("fault", "hello@lakesidevending.example", "clara.whitlock", 85, _K15),
    Thread("reminder", "payments@lakesidevending.example", "samuel.okafor", 43, _K15, from_crm=True, number=30431),
    Thread("enquiry", "office@larkfield.example", "clara.whitlock", 57, _K3),
    Thread("contract", "hello@minstertearooms.example", "boyle", 219, _K3),
    Thread("fair", "hello@minstertearooms.example", "boyle", 328, _K3, from_crm=True),
    Thread("thanks", "hello@minstertearooms.example", "boyle", 15, _K3),
)

_WORKSHOP = (
    Thread("installation", "roastery@harbourlane.example", "ines.duarte", 199, _K30),
    Thread("fault", "roastery@harbourlane.example", "ines.duarte", 67, _K30),
    Thread("training", "roastery@harbourlane.example", "marek.zielinski", 160, _K30, colleagues=("ines.duarte",)),
    Thread("installation", "ragnhild@nordkapp-kaffe.example", "ines.duarte", 166, _K15),
    Thread("fault", "depot@lakesidevending.example", "olivia.brandt", 109, _K15, from_crm=True),
    Thread(
        "shipped",
        "rene@elektro-tyson.example",
        "olivia.brandt",
        83,
        _K15,
        from_crm=True,
        filed_on="Installations/3652397000001798004",
    ),
    Thread("training", "amara@brookfieldcoffeeschool.example", "ines.duarte", 145, _K3),
    Thread("thanks", "amara@brookfieldcoffeeschool.example", "ines.duarte", 13, _K3),
    Thread("supply", "orders@gussberg.example", "marek.zielinski", 214, _K60, number=3129),
    Thread("delay", "orders@gussberg.example", "marek.zielinski", 186, _K60, number=3129),
    Thread("supply", "oskar@gussberg.example", "marek.zielinski", 75, _K60, colleagues=("ines.duarte",), number=3142),
    Thread("delay", "oskar@gussberg.example", "ines.duarte", 55, _K60, number=3142),
    Thread("supply", "chiara@ventomotori.example", "helen.marsh", 130, _K30, number=3136),
    Thread("delay", "chiara@ventomotori.example", "helen.marsh", 104, _K30, number=3136),
    Thread("brochures", "print@ouseprint.example", "clara.whitlock", 340, _K30),
)

_EXCLUDED_BY_DOMAIN = (
    Thread(
        "agreement",
        "judith@larchandpike.example",
        "tomas.rivera",
        47,
        _K15,
        in_copy=("isabelle@emberoak.example",),
    ),
    Thread(
        "inspection",
        "r.calder@gasinspectorate.example",
        "marek.zielinski",
        28,
        _K30,
        in_copy=("peter.hargreaves@oldmillbakery.example",),
    ),
    Thread("regatta", "treasurer@whitbyrowing.example", "boyle", 18, _K30, in_copy=("edith@harbourlane.example",)),
)

_OF_A_COLLEAGUE_WHO_LEFT = (
    Thread("fair", "camille@bruleriedeshalles.example", "nadia.haddad", 327, _K15, from_crm=True),
    Thread("news", "amara@brookfieldcoffeeschool.example", "nadia.haddad", 296, _K3, from_crm=True),
)

THREADS = _LEADS + _CUSTOMERS + _WORKSHOP + _EXCLUDED_BY_DOMAIN + _OF_A_COLLEAGUE_WHO_LEFT
