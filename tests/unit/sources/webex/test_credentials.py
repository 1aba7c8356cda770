"""Refresh tokens that the cloud exchanges, and files that cannot be written."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from factories import ORG
from ringback.settings import WebexSourceSettings
from ringback.sources.collecting.secrets import Credentials
from ringback.sources.webex.credentials import credentials_of


class TokenCloud:
    """Gives an access token, and another refresh token, for every refresh token.

    Attributes:
        shown: the refresh tokens it got.
        always: the refresh token that it gives; "" for another one each time.
    """

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.always = ""
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                cloud.shown.append(form["refresh_token"][0])
                number = len(cloud.shown)
                refresh_token = cloud.always or f"refresh-{number}"
                body = json.dumps({"access_token": f"access-{number}", "refresh_token": refresh_token}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where tokens are renewed."""
        return f"http://127.0.0.1:{self.server.server_port}/token"


@pytest.fixture
def cloud() -> Iterator[TokenCloud]:
    """A cloud that listens."""
    cloud = TokenCloud()
    thread = threading.Thread(target=cloud.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield cloud
    cloud.server.shutdown()
    thread.join()
    cloud.server.server_close()


def service_app(cloud: TokenCloud, file: Path, problems: list[str]) -> Credentials:
    """The credentials of a service app whose refresh token is in a file."""
    settings = WebexSourceSettings(
        name="s",
        org=ORG,
        client_id="c",
        client_secret_env="SECRET",
        refresh_token_file=str(file),
        token_url=cloud.url,
    )
    return credentials_of(settings, {"SECRET": "x"}, problems.append)


def test_a_new_refresh_token_is_kept_in_the_file(cloud: TokenCloud, tmp_path: Path) -> None:
    """The refresh token that the cloud gives for an old one is put in its file, readable for its owner only, and used
    from then on; so is one that somebody else puts there."""
    file, problems = tmp_path / "refresh-token", list[str]()
    file.write_text("first")
    app = service_app(cloud, file, problems)
    assert app.renewed(app.token()) == "access-2"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("refresh-2\n", 0o600)
    file.write_text("by hand")
    app.renewed("access-2")
    assert (cloud.shown, problems) == (["first", "refresh-1", "by hand"], [])


def test_a_new_refresh_token_that_cannot_be_kept(cloud: TokenCloud, tmp_path: Path) -> None:
    """If the file cannot be written, that is told, and the new refresh token is used while the process lasts, unless
    somebody puts another one into the file: that one is found."""
    file, problems = tmp_path / "refresh-token", list[str]()
    file.write_text("first")
    (tmp_path / ".refresh-token.new").mkdir()  # where the new one would be written
    app = service_app(cloud, file, problems)
    assert app.renewed(app.token()) == "access-2"
    assert cloud.shown == ["first", "refresh-1"]
    file.write_text("by hand")
    assert app.renewed("access-2") == "access-3"
    assert cloud.shown == ["first", "refresh-1", "by hand"]
    assert len(problems) == 3
    assert "could not be written down" in problems[0]


def test_a_new_refresh_token_is_kept_as_soon_as_it_can_be(cloud: TokenCloud, tmp_path: Path) -> None:
    """A refresh token that could not be written down is at the next renewal, if the file can be written then."""
    file, problems = tmp_path / "refresh-token", list[str]()
    file.write_text("first")
    in_the_way = tmp_path / ".refresh-token.new"
    in_the_way.mkdir()
    cloud.always = "second"
    app = service_app(cloud, file, problems)
    app.token()
    assert (file.read_text(), len(problems)) == ("first", 1)
    in_the_way.rmdir()
    app.renewed("access-1")
    app.renewed("access-2")
    assert (file.read_text(), len(problems)) == ("second\n", 1)
    assert cloud.shown == ["first", "second", "second"]
