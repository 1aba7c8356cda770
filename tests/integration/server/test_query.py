"""What a query may be: times, locations, max, and how it is written."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest

from factories import wire_record
from serving import ALL_TIME, FEED, STREAM, Site

START = "startTime=2026-03-01T00:00:00.000Z"
END = "endTime=2026-03-03T00:00:00.000Z"
ENDPOINTS = pytest.mark.parametrize("path", [FEED, STREAM])


@pytest.fixture
def token(site: Site) -> str:
    """A token without limits."""
    return site.token()


# Times


@ENDPOINTS
@pytest.mark.parametrize(("query", "missing"), [(END, "startTime"), (START, "endTime"), ("", "startTime")])
def test_times_are_required(site: Site, token: str, path: str, query: str, missing: str) -> None:
    """A query without startTime or endTime is refused, and the message says which one it lacks."""
    reply = site.ask(f"{path}?{query}", token)
    assert reply.status == 400
    assert reply.message == f"The parameter {missing} is required, as YYYY-MM-DDTHH:MM:SS.mmmZ in UTC."


@ENDPOINTS
@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1772452800000",
        "2026-03-02",
        "2026-03-02T12:00:00Z",
        "2026-03-02T12:00:00.0Z",
        "2026-03-02T12:00:00.000000Z",
        "2026-03-02T12:00:00.000",
        "2026-03-02T12:00:00.000z",
        "2026-03-02T12:00:00.000%2B00:00",
        "2026-03-02T12:00:00.000+00:00",
        "2026-03-02 12:00:00.000Z",
        "2026-02-29T12:00:00.000Z",
        "2026-13-01T12:00:00.000Z",
        "2026-03-02T24:00:00.000Z",
        "2026-03-02T12:60:00.000Z",
        "2026-03-02T12:00:60.000Z",
        "0000-01-01T00:00:00.000Z",
        " 2026-03-02T12:00:00.000Z",
        "2026-03-02T12:00:00.000Z%0A",
        "%D9%A2026-03-02T12:00:00.000Z",
        "%EF%BC%92026-03-02T12:00:00.000Z",
        "x" * 5000,
    ],
    ids=lambda text: text[:32] or "empty",
)
def test_times_have_one_form(site: Site, token: str, path: str, text: str) -> None:
    """Whatever is not a time in UTC with milliseconds is refused for both times, and the message shows the form."""
    for name, other in (("startTime", END), ("endTime", START)):
        reply = site.ask(f"{path}?{other}&{name}={text}", token)
        assert reply.status == 400
        assert reply.message.startswith(f"{name} is ")
        assert reply.message.endswith("but must be a time in UTC as YYYY-MM-DDTHH:MM:SS.mmmZ.")
        assert len(reply.message) < 200


@pytest.mark.parametrize("end", ["2026-03-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z"], ids=["equal", "before"])
def test_end_is_after_start(site: Site, token: str, end: str) -> None:
    """A window that is empty or runs backwards is refused."""
    reply = site.ask(f"{FEED}?{START}&endTime={end}", token)
    assert (reply.status, reply.message) == (400, "endTime must be later than startTime.")


def test_the_shortest_window_is_a_millisecond(site: Site, token: str) -> None:
    """A window of one millisecond is a window."""
    assert site.ask(f"{FEED}?{START}&endTime=2026-03-01T00:00:00.001Z", token).ids == []


# The query as a whole


@pytest.mark.parametrize("name", ["startTime", "endTime", "locations", "max"])
def test_parameters_are_given_once(site: Site, token: str, name: str) -> None:
    """A parameter that is given twice is refused, even with the same value: only one of them could count."""
    query = {**ALL_TIME, "locations": "Berlin", "max": "5"}
    text = "&".join(f"{key}={value}" for key, value in [*query.items(), (name, query[name])])
    reply = site.ask(f"{FEED}?{text}", token)
    assert (reply.status, reply.message) == (400, f"The parameter {name} is given more than once.")


def test_unknown_parameters_are_ignored(site: Site, token: str) -> None:
    """Parameters that the documents do not name change nothing."""
    site.append(wire_record("r"))
    assert site.ask(f"{FEED}?{START}&{END}&offset=3&orgId=anything&totalCount=1&&=&x", token).ids == ["r"]


def test_parameter_names_have_one_spelling(site: Site, token: str) -> None:
    """Names of parameters are told by case, as everywhere in the cloud's API."""
    reply = site.ask(f"{FEED}?starttime=2026-03-01T00:00:00.000Z&{END}", token)
    assert reply.status == 400


def test_the_query_is_percent_decoded(site: Site, token: str) -> None:
    """Anything in names and values may be percent-encoded, in either case of the digits."""
    site.append(wire_record("r"))
    query = "".join(f"%{ord(sign):02x}" if sign in "TZ:-." else sign for sign in f"{START}&{END}")
    assert "%3a" in query
    assert site.ask(f"{FEED}?{query}", token).ids == ["r"]


@pytest.mark.parametrize(
    "junk",
    ["x=%FF", "%80=x", "locations=%C3%28", "locations=%ED%A0%80"],
    ids=["value", "name", "cut sequence", "surrogate"],
)
def test_junk_in_the_query_is_refused(site: Site, token: str, junk: str) -> None:
    """Bytes that are no UTF-8, wherever they stand, are refused."""
    reply = site.ask(f"{FEED}?{START}&{END}&{junk}", token)
    assert (reply.status, reply.message) == (400, "The query cannot be read. It must be percent-encoded UTF-8.")


def test_very_many_parameters_are_refused(site: Site, token: str) -> None:
    """A query with more than 50 parameters is refused, and told so."""
    reply = site.ask(f"{FEED}?{START}&{END}&" + "&".join(f"x{n}=" for n in range(60)), token)
    assert (reply.status, reply.message) == (400, "The query has more than 50 parameters.")


def test_long_queries_are_refused(site: Site, token: str) -> None:
    """A query of more than 16 KiB is refused; one of 16 KiB is read."""
    query = f"{START}&{END}&x="
    fitting = query + "y" * (16 * 1024 - len(query))
    assert site.ask(f"{FEED}?{fitting}", token).status == 200
    reply = site.ask(f"{FEED}?{fitting}y", token)
    assert (reply.status, reply.message) == (400, "The query is longer than 16384 bytes.")


# Locations


@pytest.fixture
def places(site: Site) -> None:
    """Records whose id is the name of their location."""
    names = [
        "Berlin",
        "Köln",
        "東京",
        "São Paulo, Centro",
        "A&B=C+D",
        "100% Mitte",
        "café",
        "cafe\u0301",
        *"123456789",
        "",
    ]
    site.append(*[wire_record(name or "nowhere", location=name) for name in names])


@pytest.mark.usefixtures("places")
@ENDPOINTS
@pytest.mark.parametrize("name", ["Berlin", "Köln", "東京", "A&B=C+D", "100% Mitte", "café", "cafe\u0301"])
def test_one_location(site: Site, token: str, path: str, name: str) -> None:
    """Only records of the named location come, whatever signs its name has, and however a client encodes a space."""
    for encode in (quote, quote_plus):
        assert site.ask(f"{path}?{START}&endTime=2027-01-01T00:00:00.000Z&locations={encode(name)}", token).ids == [
            name
        ]


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("comma", [",", "%2C", "%2c", ", ", "%20,+"])
def test_some_locations(site: Site, token: str, comma: str) -> None:
    """A comma separates names, encoded or not, since clients encode it; spaces around it do not count."""
    assert site.ask(f"{FEED}?{START}&{END}&locations={comma.join('513')}", token).ids == ["1", "3", "5"]


@pytest.mark.usefixtures("places")
def test_a_comma_in_a_name(site: Site, token: str) -> None:
    """A comma that belongs to a name is written %252C: encoded once for the list, once for the query."""
    for comma in ("%252C", "%252c"):
        query = f"{START}&{END}&locations=S%C3%A3o%20Paulo{comma}%20Centro,Berlin"
        assert site.ask(f"{FEED}?{query}", token).ids == ["Berlin", "São Paulo, Centro"]


@pytest.mark.usefixtures("places")
def test_unknown_locations_have_no_records(site: Site, token: str) -> None:
    """A name that no record has gives an empty page and no error; names are told by case."""
    for name in ("Atlantis", "berlin", "Berl", "Berlin%25", "%2A", "' OR 1=1 --", "%00"):
        reply = site.ask(f"{FEED}?{START}&{END}&locations={name}", token)
        assert (reply.ids, reply.next) == ([], None)
        assert reply.body == b'{"items":[]}'


@pytest.mark.usefixtures("places")
def test_up_to_ten_locations(site: Site, token: str) -> None:
    """Ten names are taken, also if some are repeated; eleven are refused."""
    ten = ["Berlin", *"123456789"]
    assert sorted(site.ask(f"{FEED}?{START}&{END}&locations={','.join(ten)}", token).ids) == sorted(ten)
    assert site.ask(f"{FEED}?{START}&{END}&locations={','.join(['Berlin'] * 10)}", token).ids == ["Berlin"]
    reply = site.ask(f"{FEED}?{START}&{END}&locations={','.join(ten)},Atlantis", token)
    assert reply.status == 400
    assert reply.message == "locations must be 1 to 10 names as in Control Hub, with commas between them."


@pytest.mark.parametrize("text", ["", ",", "Berlin,", ",Berlin", "Berlin,,1", "%20", "+"])
def test_locations_have_names(site: Site, token: str, text: str) -> None:
    """A list of locations with an empty name, or with nothing in it, is refused."""
    reply = site.ask(f"{FEED}?{START}&{END}&locations={text}", token)
    assert reply.status == 400
    assert reply.message.startswith("locations must be 1 to 10 names")


@pytest.mark.usefixtures("places")
def test_without_locations_all_records_come(site: Site, token: str) -> None:
    """Without the parameter, records of all locations come, and those that have none."""
    ids = site.ask(f"{FEED}?{START}&{END}", token).ids
    assert len(ids) == 18
    assert "nowhere" in ids


# max


@pytest.fixture
def many(site: Site) -> None:
    """5002 records."""
    site.append(*[wire_record(f"r{number:04}") for number in range(5002)])


@pytest.mark.usefixtures("many")
def test_max_is_clamped(site: Site, token: str) -> None:
    """Values from 1 to 5000 are honoured, any other whole number becomes the nearest of them; 5000 is the default."""
    huge = "9" * 30
    sizes = {"0": 1, "-1": 1, f"-{huge}": 1, "1": 1, "2": 2, "007": 7, "500": 500, "4999": 4999, "5000": 5000}
    sizes |= {"5001": 5000, "9223372036854775808": 5000, huge: 5000, "%2B5": 5}
    for text, size in sizes.items():
        reply = site.ask(f"{FEED}?{START}&{END}&max={text}", token)
        assert len(reply.ids) == size, text
        assert f"&max={size}&" in str(reply.next)
    reply = site.ask(f"{FEED}?{START}&{END}", token)
    assert len(reply.ids) == 5000
    assert "&max=5000&" in str(reply.next)


@pytest.mark.usefixtures("many")
def test_max_of_2023(site: Site) -> None:
    """A token with the limits of 2023 gets up to 500 records in a page of the feed, and 500 by default."""
    query = "startTime=2026-03-02T11:00:00.000Z&endTime=2026-03-02T13:00:00.000Z"
    for text, size in {"": 500, "&max=499": 499, "&max=500": 500, "&max=501": 500, "&max=5000": 500}.items():
        reply = site.ask(f"{FEED}?{query}{text}", site.token("2023"))
        assert len(reply.ids) == size
        assert f"&max={size}&" in str(reply.next)


@pytest.mark.parametrize("text", ["", "all", "5.0", "1e3", "0x10", "5%20", "+5", "--5", "%D9%A5", "1,000", "9" * 1001])
def test_max_is_a_whole_number(site: Site, token: str, text: str) -> None:
    """What is no whole number is refused."""
    reply = site.ask(f"{FEED}?{START}&{END}&max={text}", token)
    assert reply.status == 400
    assert reply.message.startswith("max is ")
    assert reply.message.endswith("but must be a whole number from 1 to 5000.")
