"""What customers and colleagues write to each other: each conversation happens with several of them.

The braces are filled in for each: {company} and {town} of the customer, {machine}, {price} and {weekly} load of the
roaster in question, {number} of an order or a quotation, {day} some days after the letter.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Side(Enum):
    """Who writes: the customer, or the colleague."""

    CUSTOMER = auto()
    COLLEAGUE = auto()


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a conversation, `hours` after the one before it."""

    side: Side
    hours: int
    text: str
    attachment: str | None = None
    as_html: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A subject and what is written about it, in order."""

    subject: str
    letters: tuple[Letter, ...]
    greeting: str = "Hello"


def _they(hours: int, text: str, attachment: str | None = None) -> Letter:
    return Letter(Side.CUSTOMER, hours, text.strip(), attachment)


def _we(hours: int, text: str, attachment: str | None = None, *, as_html: bool = False) -> Letter:
    return Letter(Side.COLLEAGUE, hours, text.strip(), attachment, as_html)


CONVERSATIONS = {
    "enquiry": Conversation(
        "A roaster for {company}",
        (
            _they(
                0,
                """
We have bought our beans roasted for six years and would like to roast them ourselves, here in {town}.
We sell about {weekly} kilos a week, more before Christmas. Would the {machine} suit us, or is it too much
machine for a start?

We have a room of 40 square metres with a chimney that has not been used for a while.
""",
            ),
            _we(
                5,
                """
Thank you for writing. With {weekly} kilos a week the {machine} would run two mornings, which leaves you
room to grow and time to sell coffee. The list price is {price}, with cooling tray and control panel.

The chimney matters more than the room. Could you send me a photograph of it from the roof, and tell
me its inner diameter?
""",
                as_html=True,
            ),
            _they(
                27,
                """
The sweep says 180 millimetres, brick, lined in 1994. He would like to see a drawing of the exhaust
before he signs anything. The photograph comes as soon as it stops raining.
""",
            ),
            _we(
                4,
                """
180 is enough. The sweep may ring our service department; they speak his language. I have asked
them to put the drawing in the post today.

May I come and look at the room? I am near {town} on {day}.
""",
            ),
            _they(20, "{day} is good. Come before ten, then it is quiet and there is cake left."),
        ),
    ),
    "sample_roast": Conversation(
        "Your green beans on our {machine}",
        (
            _we(
                0,
                """
The offer stands: send us five kilos of the green beans that you use most, and we roast them on a
{machine} in our workshop, three profiles, with the curves printed out. Better still, come and stand
beside it.
""",
                as_html=True,
            ),
            _they(
                19,
                """
Gladly. Two bags left this morning, a washed Guatemala and the natural from Sidama that gave us so
much trouble on the old drum. The natural scorches easily; please be gentle.
""",
            ),
            _we(
                72,
                """
Roasted yesterday. The Sidama liked a charge temperature of 185 and a slow start; nothing scorched.
The batches and the curves are on their way to {town}. Let them rest until {day} before you cup them.
""",
                "roast-curves.csv",
            ),
            _they(
                96,
                """
We cupped blind, six of us. Your second profile won with five votes. The sixth was my father, who
votes for the old drum every time.
""",
            ),
        ),
    ),
    "visit": Conversation(
        "Visit to {town} on {day}",
        (
            _we(
                0,
                """
I would like to look at the room before we write a quotation: floor, doors, gas and chimney. An hour
is enough. Would {day} at 10:30 suit you?
""",
                "visit.ics",
            ),
            _they(
                6,
                """
It suits. The door to the yard is 1.10 wide, I measured it this morning, and the gas fitter can be
here as well if you tell me what to ask him.
""",
            ),
            _we(
                3,
                """
Ask him for the pressure at the meter when everything in the house is on, and whether the pipe can
carry another 35 kilowatts. The {machine} goes through 1.10 with four centimetres to spare on each side.
""",
            ),
            _they(
                50,
                """
He came already. 21 millibar with both ovens burning, and the pipe is good. He asked whether you are
hiring.
""",
            ),
        ),
    ),
    "quotation": Conversation(
        "Quotation {number} for {company}",
        (
            _we(
                0,
                """
Here is our quotation {number} for one {machine}: {price} ex works, delivery and two days of
commissioning in {town} included. It holds for sixty days. The list of parts is attached; what we did
not agree on is marked as an option.
""",
                "parts-list.csv",
                as_html=True,
            ),
            _they(
                30,
                """
Received, thank you. Two questions. Does the price include the chaff collector? And what happens to
the date if we decide only at the end of the month?
""",
            ),
            _we(
                3,
                """
The chaff collector is included, it is position 7. If you decide by the end of the month the machine
can still be with you in fourteen weeks; after that two other drums come first.
""",
            ),
            _they(22, "Clear. My partner is back on {day}, then we decide. It looks good from here."),
        ),
    ),
    "negotiation": Conversation(
        "Re-reading quotation {number}",
        (
            _they(
                0,
                """
We like the {machine}, and we like you, but {price} is above what our bank has in its mind. Is there
anything in the list that we could leave out for now, without paying for it twice later?
""",
            ),
            _we(
                7,
                """
There is. Leave out the automatic loader and the second bean probe; both can be added in an afternoon.
That takes 3,900 off. The destoner I would keep: one stone costs you a set of grinder burrs.
""",
            ),
            _they(
                26,
                """
The loader goes, the destoner stays. And if we pay 40 instead of 30 per cent with the order?
""",
            ),
            _we(
                21,
                """
Then I may take off another two per cent. I asked upstairs, and that is truly where it ends. The new
sheet replaces the old one under the same number.
""",
                "parts-list.csv",
            ),
            _they(5, "Agreed. You will have the signed copy on {day}."),
        ),
    ),
    "order": Conversation(
        "Order {number}: one {machine}",
        (
            _they(
                0,
                """
Please take this as our order for one {machine} as in your last quotation. Colour: the dark green,
RAL 6009, with brass edges. The deposit left our bank this morning.
""",
            ),
            _we(
                4,
                """
Order {number}, with many thanks. The drum is cast in two weeks and the frame goes to the painter in
six. You will get a photograph from each station, as everybody does.
""",
                as_html=True,
            ),
            _they(
                330,
                """
The picture of the casting hangs in the shop already. Customers ask when it will be ready, so: when
will it be ready?
""",
            ),
            _we(8, "Painted this week, on the test bench next week. I expect it to leave here on {day}."),
        ),
    ),
    "delivery": Conversation(
        "Delivery of your {machine}",
        (
            _we(
                0,
                """
Your machine leaves us this week and should arrive in {town} on {day}, between eight and noon. The
lorry has a tail lift for two tonnes; what it has not is a second pair of hands. Will somebody be there?
""",
            ),
            _they(
                4,
                """
Four of us and a pallet truck. Please tell the driver to come through the back lane; the front is
closed for the market until one o'clock.
""",
            ),
            _we(2, "He knows now. His name is Kenneth, and he likes his coffee with milk."),
            _they(
                75,
                """
It stands. Not a scratch, and Kenneth had two cups. The crate is so well made that we are keeping it
as a counter.
""",
            ),
        ),
    ),
    "installation": Conversation(
        "Commissioning in {town}",
        (
            _we(
                0,
                """
I shall be with you on {day} and the day after. Please have gas and electricity at the machine by
then, and ten kilos of beans that you do not love: the first batches only clean the drum.
""",
                "visit.ics",
            ),
            _they(
                9,
                """
Gas is there, the electrician comes tomorrow. For beans that nobody loves we have a robusta that was
sold to us as something else.
""",
            ),
            _we(
                90,
                """
All done. Draught 0.9 millibar, no gas leak, emergency stop and flame guard tested three times. The
protocol is attached; please sign it and send back one copy.
""",
                "protocol.csv",
            ),
            _they(
                25,
                """
Signed and on its way. We have roasted every day since, and the neighbours have come in to ask what
it is that smells so good.
""",
            ),
        ),
    ),
    "training": Conversation(
        "Training days for {company}",
        (
            _they(
                0,
                """
Two of our people should learn the {machine} properly: one who has roasted before and one who has
not. Do you teach them together, and do you come to {town}, or do they come to you?
""",
            ),
            _we(
                6,
                """
Together, in our workshop: the beginner asks the questions that the other has stopped asking. Two
days, at most six people. There are places on {day} and the day after.
""",
            ),
            _they(15, "Please keep two. The beginner is vegetarian, the other eats everything."),
            _we(
                3,
                """
Kept. Bring closed shoes and a notebook. Lunch is made by our welder, who is a better cook than he
admits.
""",
            ),
        ),
    ),
    "fault": Conversation(
        "{machine}: burner goes out",
        (
            _they(
                0,
                """
Since this morning the burner lights, burns for about a minute and goes out. The display says E14.
We have orders for the weekend and nothing roasted. Can you help us by telephone?
""",
            ),
            _we(
                1,
                """
E14 is the flame guard: it does not see the flame. Nine times of ten it is chaff on the eye. Close the
gas, take out the two screws beside the burner window and wipe the glass with a dry cloth. Then try.
""",
            ),
            _they(
                2,
                """
It was black as a shoe. It burns now, twenty minutes so far. How did it get so dirty after only a
year?
""",
            ),
            _we(
                20,
                """
A chaff collector that is emptied too late. Empty it after every eighth batch, and wipe the eye on
Mondays. I am adding a new seal to your next parcel, at no charge.
""",
            ),
            _they(30, "The weekend is saved, and Monday is in the calendar. Thank you!"),
        ),
    ),
    "spare_part": Conversation(
        "Spare parts for our {machine}",
        (
            _they(
                0,
                """
The front bearing of the drum has begun to sing. We would like to change both before the season. Which
ones do we need, and can our own mechanic fit them?
""",
            ),
            _we(
                5,
                """
You need the set 30-118: both bearings, seals and the high-temperature grease. A mechanic who can hold
a drum straight does it in a morning. The instructions and the prices are attached.
""",
                "parts-list.csv",
            ),
            _they(8, "Please send two sets, one for the shelf. Our order number is {number}."),
            _we(18, "Both sets went out with the morning post and should be in {town} by {day}."),
        ),
    ),
    "contract": Conversation(
        "Service contract for {company}",
        (
            _we(
                0,
                """
The first year of your {machine} is over, and with it the free service. Our contract covers two visits
a year, wearing parts and a telephone that is answered on Saturdays. May I send it to you?
""",
                as_html=True,
            ),
            _they(
                48,
                """
Send it, please. We would want the visits in February and August, when it is quiet here, and one
invoice a year instead of two.
""",
            ),
            _we(6, "Both can be done, and both are in it. Contract {number} starts on {day} if you agree."),
            _they(70, "We agree. The Saturday telephone alone is worth it."),
        ),
    ),
    "invoice_question": Conversation(
        "Question about invoice {number}",
        (
            _they(
                0,
                """
Your invoice {number} shows carriage twice, once for the machine and once for the destoner. They came
on the same lorry. Could you look into it before we pay?
""",
            ),
            _we(
                5,
                """
You are right, and I am sorry: the destoner was entered by another hand. A credit note follows today,
and the invoice is due from its date, not from the old one.
""",
            ),
            _they(24, "The credit note has arrived and the rest is paid. Thank you for being so quick."),
        ),
    ),
    "reminder": Conversation(
        "Invoice {number} is open",
        (
            _we(
                0,
                """
A small reminder: invoice {number} was due two weeks ago and seems to be still open. If the payment
has crossed with this letter, please forget that I wrote.
""",
            ),
            _they(
                52,
                """
It went to our old address and lay there. It is in this week's run; you should see it by {day}.
""",
            ),
            _we(100, "It arrived today. Many thanks, and I have changed the address on our side."),
        ),
    ),
    "reference": Conversation(
        "May somebody come and see your {machine}?",
        (
            _we(
                0,
                """
A roaster from Denmark is deciding between us and another house, and would like to see a {machine} that
has to earn its living. Could they come to {town} for an hour? I would bring the cake.
""",
            ),
            _they(
                21,
                """
Let them come on {day} in the afternoon, and let them ask anything. I shall tell them about the week
with the broken fan as well, and how quickly it was over.
""",
            ),
            _we(4, "That is exactly why I asked you. Thank you."),
            _they(
                150,
                """
Nice people. They stayed three hours, roasted two batches and ate all of the cake. I think that you
have sold a machine.
""",
            ),
        ),
    ),
    "fair": Conversation(
        "Invitation: Kestrel at the coffee fair",
        (
            _we(
                0,
                """
From {day} you find us in hall 4, stand 112, with the new {machine} under steam from ten to five. Your
ticket is in the post. Tell me when you come, and a batch will be kept for you.
""",
                "visit.ics",
                as_html=True,
            ),
        ),
    ),
    "news": Conversation(
        "The new burner is ready",
        (
            _we(
                0,
                """
The burner that we promised you last autumn has passed its tests: a fifth less gas at the same
curve, and it fits every {machine} built since 2016. The exchange takes one day. {price} is the price of
a whole machine; the burner alone is 2,450.
""",
                as_html=True,
            ),
        ),
    ),
    "shipped": Conversation(
        "Your parcel {number} has left us",
        (
            _we(
                0,
                """
The parts for your {machine} left our workshop this afternoon and should reach {town} on {day}. The
delivery note is attached. Please look at the parcel before you sign for it.
""",
                "delivery-note.csv",
            ),
        ),
    ),
    "thanks": Conversation(
        "A year with the {machine}",
        (
            _they(
                0,
                """
A year ago today the lorry came. Since then 412 batches, two apprentices and one prize at the county
show. We wanted you to know, and a kilo of the prize is in the post.
""",
            ),
            _we(
                23,
                """
You have made a workshop very happy. The kilo was gone by eleven. May we put your letter on the wall
beside the drum press?
""",
            ),
            _they(5, "On the wall, yes. With the corner for the recipe folded over, please."),
        ),
    ),
    "leasing": Conversation(
        "Leasing instead of buying",
        (
            _they(
                0,
                """
My accountant asks whether the {machine} can be leased. We could pay it at once, but he sleeps better
if the money stays in green beans. What would it be over five years?
""",
            ),
            _we(
                8,
                """
It can: our bank takes it over at {price} and you pay sixty equal rates of about 2.1 per cent, with the
right to buy at the end for one more rate. Service is not part of it.
""",
            ),
            _they(29, "He has read it twice and nodded once. Keep the offer open until {day}, please."),
        ),
    ),
    "brochures": Conversation(
        "Brochures for the fair: order {number}",
        (
            _we(
                0,
                """
We need 800 brochures for the coffee fair, 16 pages, on the uncoated paper that you used last year.
The texts are final, the pictures follow tonight. Can we have them by {day}?
""",
            ),
            _they(
                5,
                """
Yes, if the pictures come before nine. Page 7 calls the {machine} "a musical instrument". Is that meant?
""",
            ),
            _we(2, "It is meant. Wait until you hear one at full load. The pictures are with you now."),
            _they(71, "Printed, folded and dry. The boxes are in the van."),
        ),
    ),
    "supply": Conversation(
        "Purchase order {number}",
        (
            _we(
                0,
                """
Please supply as in the attached list, to the same drawings as last time, revision C. We need the
first half by {day} and the rest four weeks later.
""",
                "parts-list.csv",
            ),
            _they(
                26,
                """
Confirmed. One question on revision C: the bore on sheet 3 is given as H7 in the drawing and as H8 in
the table. Which one holds?
""",
            ),
            _we(3, "H7. The table is wrong and has been for years; you are the first to notice. Thank you."),
            _they(240, "The first half leaves us tomorrow, with measuring records for each piece."),
        ),
    ),
    "delay": Conversation(
        "Order {number} will be late",
        (
            _they(
                0,
                """
I would rather write today than apologise later: one of our machines broke down, and order {number} will be nine
days late. We are working on Saturday to keep it at nine.
""",
            ),
            _we(
                4,
                """
Thank you for saying so early. Nine days we can bridge if four pieces come on the old date. Would that
be possible?
""",
            ),
            _they(17, "Four pieces on the old date: yes. They will be with you on {day}."),
        ),
    ),
    "angebot": Conversation(
        "Angebot {number}: Röster für {town}",
        (
            _they(
                0,
                """
Wir haben Ihr Angebot {number} über den {machine} in der Geschäftsleitung besprochen. Der Preis von
{price} ist in Ordnung. Offen ist die Lärmschutzauflage der Stadt: nachts höchstens 35 Dezibel im Hof.
""",
            ),
            _we(
                6,
                """
Vielen Dank für die gute Nachricht. Mit dem Schalldämpfer hinter dem Zyklon messen wir in drei Metern
Abstand 33 Dezibel. Das Messprotokoll liegt bei.
""",
                "protocol.csv",
            ),
            _they(
                44,
                """
Das Amt ist zufrieden, und wir sind es auch. Können Sie die Anzahlung bitte auf zwei Rechnungen
aufteilen? Unser Geschäftsjahr endet am 31. März.
""",
            ),
            _we(3, "Selbstverständlich. Die erste Rechnung geht heute hinaus, die zweite am {day}."),
        ),
        greeting="Guten Tag",
    ),
    "agreement": Conversation(
        "Agreement on the {machine}: the draft",
        (
            _they(
                0,
                """
Here is the draft, with Ms Fontaine in copy, as both sides wished. Clause 4 says who pays if the
{machine} stands still for longer than a week. Please read it as if you did not like each other.
""",
            ),
            _we(
                26,
                """
Clause 4 is fair. In clause 6 I would write "working days" instead of "days": our fitters do not travel
on Christmas Eve. The rest can stay as it is.
""",
            ),
            _they(21, "Changed. If nobody objects by {day}, two copies go out for signature."),
        ),
        greeting="Dear",
    ),
    "inspection": Conversation(
        "Inspection of the {machine} on {day}",
        (
            _they(
                0,
                """
I shall inspect the new {machine} at the bakery on {day}; Mr Hargreaves is in copy. Please have the
type plate of the burner where I can read it, and the protocol of your own test at hand. What I find
goes to the two of you, and to nobody else until it is signed.
""",
            ),
            _we(
                5,
                """
The plate is on the left side at the height of a knee; please bring a lamp. The protocol is attached.
""",
                "protocol.csv",
            ),
            _they(
                190,
                """
Passed, with one remark: the flue needs a label with the year. Send me a photograph of it by {day} and
the matter is closed.
""",
            ),
        ),
        greeting="Dear",
    ),
    "regatta": Conversation(
        "Coffee for the regatta",
        (
            _they(
                0,
                """
Edith roasts and you row, so I am asking both of you: could the club have coffee in the boathouse at the
regatta on {day}? And your subscription is open again; I am sorry to say it in company.
""",
            ),
            _we(
                9,
                """
The coffee I leave to Edith, the grinder I carry down myself. The subscription is paid as of this
minute. Please do not tell my colleagues that somebody who writes reminders needs one.
""",
            ),
            _they(14, "Paid and forgotten. We row at seven; bring dry socks."),
        ),
    ),
}
