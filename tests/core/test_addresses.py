"""Addresses as they compare: one form for all spellings, and no form for what is none."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postroom.core.addresses import (
    covers,
    domain_key,
    domain_of,
    domain_of_key,
    is_stand_in,
    normalise_address,
    normalise_domain,
    sendable_address,
    stand_in,
)

local_parts = st.text(min_size=1, max_size=12)
domains = st.sampled_from(["customer.example", "Größe.example", "例え.テスト", "xn--gre-6ka8i.example", "1.2"])
address_like = st.builds("{}@{}".format, local_parts, domains | st.text(max_size=12)) | st.text(max_size=30)


class TestSpellings:
    @pytest.mark.parametrize(
        "spelling",
        [
            "carol@customer.example",
            "Carol@Customer.Example",
            "  carol@customer.example\n",
            "carol@customer.example.",
            "carol@CUSTOMER.EXAMPLE",
        ],
    )
    def test_of_one_address_are_one(self, spelling: str) -> None:
        assert normalise_address(spelling) == "carol@customer.example"

    @pytest.mark.parametrize("domain", ["größe.example", "GRÖSSE.example".replace("SS", "ẞ"), "gro\u0308ße.example"])
    def test_of_an_international_domain_are_one(self, domain: str) -> None:
        assert normalise_address(f"carol@{domain}") == "carol@xn--gre-6ka8i.example"

    def test_sharp_s_is_a_letter_of_its_own(self) -> None:
        assert normalise_domain("größe.example") != normalise_domain("grösse.example")

    def test_an_international_local_part_is_composed(self) -> None:
        assert normalise_address("Ren\u0065\u0301@customer.example") == "ren\u00e9@customer.example"

    @pytest.mark.parametrize("other", ["carol+tag@customer.example", "c.arol@customer.example", "carol@x.example"])
    def test_a_tag_or_a_dot_is_part_of_the_address(self, other: str) -> None:
        assert normalise_address(other) == other != "carol@customer.example"

    @pytest.mark.parametrize(
        "unusual", ["o'neil@x.example", "a=b!#$%&*/?^`{|}~@x.example", "a@localhost", "_@_dmarc.x"]
    )
    def test_unusual_ones_are_addresses(self, unusual: str) -> None:
        assert normalise_address(unusual) == unusual


class TestNone:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "@",
            "carol",
            "carol@",
            "@customer.example",
            "carol@@customer.example",
            "carol@office@customer.example",
            '"carol"@customer.example',
            "Carol <carol@customer.example>",
            "carol@customer.example, dave@customer.example",
            "carol;dave@customer.example",
            "car ol@customer.example",
            "car\u00a0ol@customer.example",
            "car\x00ol@customer.example",
            "carol\\@customer.example",
            "carol@customer..example",
            "carol@.customer.example",
            "carol@-customer.example",
            "carol@customer-.example",
            "carol@custo mer.example",
            "carol@[192.0.2.1]",
            "carol@customer.example:25",
            "carol@\u00ad",
            "carol@☃\ud800.example",
        ],
    )
    def test_what_is_no_address(self, text: str) -> None:
        assert normalise_address(text) is None

    @pytest.mark.parametrize("text", ["", ".", "..", "a..b", " ", "-", "a_-.b", "a/b", "\u200d"])
    def test_what_is_no_domain(self, text: str) -> None:
        assert normalise_domain(text) is None

    def test_what_is_far_too_long_is_not_even_looked_at(self) -> None:
        """Folding it would take the square of its length: spaces are taken off only what could be an address."""
        assert normalise_address(f"{' ' * 2000}a@b.example") is None
        assert normalise_domain(f"{' ' * 2000}b.example") is None

    def test_the_longest_address(self) -> None:
        longest = "a" * 237 + "@customer.example"
        assert len(longest) == 254
        assert normalise_address(longest) == longest
        assert normalise_address(f"a{longest}") is None


class TestAnyText:
    @given(text=address_like)
    @example("\u0130\u0327@customer.example")
    @example("\ud800@customer.example")
    def test_the_form_of_a_form_is_itself(self, text: str) -> None:
        form = normalise_address(text)
        assert form is None or normalise_address(form) == form

    @given(text=st.text() | domains)
    def test_the_form_of_a_domain_too_and_it_is_ascii(self, text: str) -> None:
        form = normalise_domain(text)
        assert form is None or (form.isascii() and normalise_domain(form) == form)

    @given(text=address_like)
    @example("\ud800@customer.example")
    def test_a_form_is_fit_for_any_database_and_any_header(self, text: str) -> None:
        form = normalise_address(text) or ""
        form.encode()
        assert not any(character.isspace() or character in '\x00<>,;"' for character in form)

    @given(text=address_like, form=st.sampled_from(["NFC", "NFD"]))
    def test_composed_or_not_is_one_address(self, text: str, form: Literal["NFC", "NFD"]) -> None:
        assert normalise_address(unicodedata.normalize(form, text)) == normalise_address(text)

    @given(local=st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-_", min_size=1, max_size=20))
    def test_case_never_matters(self, local: str) -> None:
        assert normalise_address(f"{local.upper()}@Customer.Example") == f"{local}@customer.example"


class TestDomains:
    @pytest.mark.parametrize("domain", ["example", "customer.example", "a.b.customer.example"])
    def test_a_key_is_of_its_domain(self, domain: str) -> None:
        assert domain_of_key(domain_key(domain)) == domain
        assert domain_of(f"carol@{domain}") == domain

    def test_a_key_reads_from_the_top_down(self) -> None:
        assert domain_key("mail.customer.example") == "example.customer.mail."

    @pytest.mark.parametrize(
        ("domain", "other", "is_covered"),
        [
            ("customer.example", "customer.example", True),
            ("customer.example", "mail.customer.example", True),
            ("customer.example", "a.b.customer.example", True),
            ("example", "customer.example", True),
            ("mail.customer.example", "customer.example", False),
            ("customer.example", "mycustomer.example", False),
            ("customer.example", "customer.example.net", False),
            ("customer.example", "customer-example", False),
        ],
    )
    def test_a_domain_covers_itself_and_what_is_below_it(self, domain: str, other: str, *, is_covered: bool) -> None:
        assert covers(domain, other) is is_covered
        assert domain_key(other).startswith(domain_key(domain)) is is_covered


class TestSendable:
    """What mail can be sent to: the local part as it is written, for its case is the receiving server's matter."""

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            (" Carol@Customer.Example ", "Carol@customer.example"),
            ("o'Neil+tag@größe.example", "o'Neil+tag@xn--gre-6ka8i.example"),
        ],
    )
    def test_an_address_is_sent_to_as_it_is_written(self, text: str, address: str) -> None:
        assert sendable_address(text) == address

    @pytest.mark.parametrize("text", ["", "carol", "René@customer.example", "carol@", "a b@customer.example"])
    def test_what_is_no_address_or_not_in_ascii_is_sent_nothing(self, text: str) -> None:
        assert sendable_address(text) is None

    @given(text=address_like)
    def test_it_compares_like_the_address_it_was(self, text: str) -> None:
        sendable = sendable_address(text)
        assert sendable is None or normalise_address(sendable) == normalise_address(text)


class TestStandIn:
    """What cannot be compared is no record's address, and its domain counts all the same."""

    @pytest.mark.parametrize(
        "text", ['"carol smith"@Customer.Example', "ca rol@customer.example.", "@customer.example"]
    )
    def test_it_has_the_domain_and_is_no_address(self, text: str) -> None:
        found = stand_in(text)
        assert found is not None
        assert is_stand_in(found)
        assert domain_of(found) == "customer.example"
        assert normalise_address(found) is None

    @pytest.mark.parametrize("text", ["", "carol", "customer.example", "carol@", "carol@[192.0.2.1]", "carol@a..b"])
    def test_without_a_domain_there_is_none(self, text: str) -> None:
        assert stand_in(text) is None

    @given(text=address_like)
    def test_no_address_is_taken_for_one(self, text: str) -> None:
        address = normalise_address(text)
        assert address is None or not is_stand_in(address)
