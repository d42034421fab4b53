"""An OpenID Connect issuer on this machine: people log in at once, as NAME, by whatever follows its redirects."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

NAME = "ada"
# DER of what is signed with RS256 (RFC 8017, 9.2).
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def is_prime(number: int) -> bool:
    """Whether it is one, in all likelihood (Miller and Rabin)."""
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        power = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def prime() -> int:
    while not is_prime(number := secrets.randbits(1024) | 3 << 1022 | 1):
        pass
    return number


class Key:
    """A key for RS256: the standard library has none."""

    def __init__(self) -> None:
        while True:
            first, second = prime(), prime()
            self.modulus = first * second
            try:
                self.private = pow(65537, -1, (first - 1) * (second - 1))
                return
            except ValueError:
                continue

    def sign(self, message: bytes) -> bytes:
        length = (self.modulus.bit_length() + 7) // 8
        digest = SHA256 + hashlib.sha256(message).digest()
        padded = b"\0\1" + b"\xff" * (length - len(digest) - 3) + b"\0" + digest
        return pow(int.from_bytes(padded, "big"), self.private, self.modulus).to_bytes(length, "big")

    def public(self) -> dict[str, str]:
        modulus = self.modulus.to_bytes((self.modulus.bit_length() + 7) // 8, "big")
        return {"kty": "RSA", "use": "sig", "kid": "k", "alg": "RS256", "n": encoded(modulus), "e": "AQAB"}


class Issuer:
    """What was asked of it is in `asked`; how it answers can be changed."""

    def __init__(self) -> None:
        self.key = Key()
        self.forget()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forget(self) -> None:
        """Begins anew, with the same key."""
        self.lifetime = 3600
        self.refuses: str | None = None
        self.state_is: str | None = None
        self.asked: list[dict[str, str]] = []
        self.revoked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        # Where there is one, new tokens are given, and arrive when it is set.
        self.gate: threading.Event | None = None

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "daytona", "sub": NAME, "iat": now, "exp": now + 3600, "name": NAME}
        header = {"alg": "RS256", "kid": "k", "typ": "JWT"}
        # No two are the same.
        claims["jti"] = secrets.token_hex(8)
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{encoded(self.key.sign(signed.encode()))}"

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent."""
        back = {"state": self.state_is or query["state"], "iss": self.url}
        if self.refuses:
            return f"{query['redirect_uri']}?{urlencode(back | {'error': self.refuses})}"
        code = secrets.token_hex(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode(back | {'code': code})}"

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Tokens for a code, or for the tokens before, once each."""
        refused = 400, {"error": "invalid_grant", "error_description": "it was used before"}
        with self.lock:
            self.asked.append(form)
            if form["client_id"] != "daytona":
                return 400, {"error": "invalid_client"}
            if form["grant_type"] == "authorization_code":
                query = self.codes.pop(form["code"], None)
                challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
                if query is None or query["redirect_uri"] != form["redirect_uri"]:
                    return refused
                if query["code_challenge"] != challenge or query["code_challenge_method"] != "S256":
                    return refused
            elif form["refresh_token"] in self.refresh_tokens:
                self.refresh_tokens.remove(form["refresh_token"])
            else:
                return refused
            refresh_token = secrets.token_hex(16)
            self.refresh_tokens.add(refresh_token)
        if self.gate and form["grant_type"] == "refresh_token":
            self.gate.wait()
        token = {"access_token": self.token(), "token_type": "Bearer", "refresh_token": refresh_token}
        return 200, token | {"expires_in": self.lifetime}

    def handler(issuer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def answer(self, status: int, value: Any, **headers: str) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                for name, content in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, content)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                if place.path == "/.well-known/openid-configuration":
                    self.answer(
                        200,
                        {
                            "issuer": issuer.url,
                            "jwks_uri": f"{issuer.url}/keys",
                            "authorization_endpoint": f"{issuer.url}/authorize",
                            "token_endpoint": f"{issuer.url}/token",
                            "revocation_endpoint": f"{issuer.url}/revoke",
                        },
                    )
                elif place.path == "/keys":
                    self.answer(200, {"keys": [issuer.key.public()]})
                elif place.path == "/authorize":
                    query = {name: values[0] for name, values in parse_qs(place.query).items()}
                    issuer.asked.append(query)
                    self.answer(302, {}, Location=issuer.authorize(query))
                else:
                    self.answer(404, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                if self.path == "/revoke":
                    issuer.revoked.append(form["token"])
                    self.answer(200, {})
                else:
                    self.answer(*issuer.exchange(form))

        return Handler
