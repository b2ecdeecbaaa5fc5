"""Which addresses the fetcher connects to, however they are spelt or reached."""

from __future__ import annotations

import re
import ssl
import time
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.http import may_connect
from monitor.seams import SourceError
from tests.standins.web import Web, redirect
from tests.unit.fetching import failure, fetcher, site

TLS = Path(__file__).parents[1] / "fixtures" / "tls"

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2a00:1450::1"]
NOT_PUBLIC = """
    0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 192.0.0.8
    192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1
    240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::808:808 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    64:ff9b::7f00:1 64:ff9b::101:101 64:ff9b:1::1 100::1 2001::1 2001:10::1 2001:db8::1
    2002:7f00:1:: 2002:101:101:: 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1
""".split()  # noqa: SIM905 - as a list literal it takes forty lines


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert may_connect(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_any_other_address_only_if_its_network_is_allowed(address: str) -> None:
    whole = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert not may_connect(address)
    assert not may_connect(address, [ip_network("192.168.77.0/24")])
    assert may_connect(address, whole)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_gains_nothing_by_being_wrapped(ip: IPv4Address) -> None:
    low = int(ip)
    wrapped = [0x64FF9B << 96 | low, 0x2002 << 112 | low << 80, 0xFFFF << 32 | low, low]
    nat64, six_to_four, mapped, compatible = (str(IPv6Address(n)) for n in wrapped)
    assert may_connect(mapped) == may_connect(str(ip))
    assert not any(map(may_connect, (nat64, six_to_four, compatible)))
    assert ip.is_global or not may_connect(str(ip))


LITERALS = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "x.localhost"]
LITERALS += ["0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::127.0.0.1]"]


@pytest.mark.parametrize("host", LITERALS)
def test_no_spelling_of_loopback_is_connected_to(host: str) -> None:
    with site("secret") as inner:
        error = failure(fetcher(allow_private=[]), inner.url("/", host))
        assert "is not a public address" in str(error)
        assert inner.seen == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433"])
def test_a_redirect_inside_is_refused_whatever_its_spelling(host: str) -> None:
    with (
        site("secret") as inner,
        site(lambda _: redirect(inner.url("/", host)), address="127.0.0.2") as outer,
    ):
        fetch = fetcher(allow_private=[ip_network("127.0.0.2/32")])
        error = failure(fetch, outer.url())
        assert "127.0.0.1 is not a public address" in str(error)
        assert outer.site in str(error)
        assert (outer.hits("/"), inner.seen, error.permanent) == (1, [], False)
        assert fetcher()(outer.url()).body == b"secret"


def test_a_name_that_changes_to_a_private_address_is_refused() -> None:
    with (
        site("public", address="127.0.0.2") as public,
        site("inside", address="127.0.0.3", port=public.port) as inside,
    ):
        names = [f"shop.example:{public.port}:127.0.0.2"]
        fetch = fetcher(allow_private=[ip_network("127.0.0.2/32")], resolve=names)
        url = public.url("/", "shop.example")
        assert fetch(url).body == b"public"
        names[:] = [f"shop.example:{public.port}:127.0.0.3"]
        assert "127.0.0.3 is not a public" in str(failure(fetch, url))
        names[:] = [f"shop.example:{public.port}:127.0.0.2"]
        assert fetch(url).body == b"public"
        assert inside.seen == []


REFUSED_URLS = [
    *("", "x", "//x/", "http://", "http:///x", "http://[::1", "http://a:x/", "http://a:99999/"),
    *("file:///etc/passwd", "ftp://a/", "gopher://a/", "javascript:alert(1)"),
    *("http://a b/", "http://a/ b", "http://a/\r\nX-Evil: 1", "http://a\t/", "http://a/\x00"),
    *("http://hush:hush@a.example/", "http://hush@a.example/", "http://a\\@b.example/"),
    *("http://a..b/", "http://a%41/", "http://[fe80::1%25eth0]/"),
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_an_address_that_cannot_be_asked_is_refused_for_good(url: str) -> None:
    assert failure(fetcher(), url).permanent


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "gopher://a/", "http://hush:hush@a.example/", "http://["]
)
def test_a_redirect_to_something_else_than_a_plain_web_address_is_refused(to: str) -> None:
    with site(redirect(to)) as web:
        error = failure(fetcher(), web.url())
        assert "a redirect that is not followed" in str(error)
        assert not error.permanent


noise = st.text(st.characters(codec="utf-8", exclude_characters="hus"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(noise, st.sampled_from(["http", "https", "ftp"]), st.integers(0, 3))
def test_no_error_repeats_a_secret(between: str, scheme: str, place: int) -> None:
    secret = f"hush{between}hush"
    login, path, query, fragment = (secret if place == at else "" for at in range(4))
    if login:  # there / ? and # must be escaped: by RFC 3986, 3.2 they end the authority
        login = f"{re.sub('[/?#]', '', secret)}:hush@"
    url = f"{scheme}://{login}127.0.0.1:1/{path}?{query}#{fragment}"
    with pytest.raises(SourceError) as caught:
        fetcher(allow_private=[])(url)
    assert "hush" not in repr(caught.value)


def test_addresses_in_any_script_are_asked_in_ascii() -> None:
    with Web({"*": "ok"}) as web:
        fetch = fetcher(resolve=[f"xn--bcher-kva.example:{web.port}:127.0.0.1"])
        page = fetch(f"http://bücher.example:{web.port}/käse?q=ö%20&a=/?#x")
        assert web.seen[0].target == "/k%C3%A4se?q=%C3%B6%20&a=/?"
        assert web.seen[0].headers["host"] == f"xn--bcher-kva.example:{web.port}"
        assert page.url == f"http://xn--bcher-kva.example:{web.port}{web.seen[0].target}"


def secure() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    return context


def test_a_certificate_must_be_trusted_and_name_the_host() -> None:
    with site("page", tls=secure()) as web:
        assert "certificate is not trusted" in str(failure(fetcher(), web.url()))
        trusting = fetcher(
            ca_file=str(TLS / "cert.pem"), resolve=[f"other.example:{web.port}:127.0.0.1"]
        )
        assert trusting(web.url()).body == b"page"
        assert "certificate" in str(failure(trusting, web.url("/", "other.example")))
        assert len(web.seen) == 1


def test_a_server_without_a_certificate_is_one_clear_line() -> None:
    with site("page", tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as web:
        assert "no secure connection" in str(failure(fetcher(), web.url()))


def test_a_handshake_that_is_not_answered_ends_at_the_connect_limit() -> None:
    with site("page") as web:
        began = time.monotonic()
        fetch = fetcher(connect=timedelta(seconds=0.2))
        error = failure(fetch, web.url().replace("http:", "https:"))
        assert "no connection within 0.2 s" in str(error)
        assert time.monotonic() - began < 3
