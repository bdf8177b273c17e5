# SPDX-License-Identifier: Apache-2.0
"""Random tokens: the gate against two other libraries (Debian's python3-jwt and python3-jose).

What the gate takes both others must take. What both others take the gate may refuse only by a rule that
is stricter than theirs, named below. JWT_PEERS_N tokens; JWT_PEERS_SEED, by default 1, chooses which.
"""
import base64
import json
import os
import random
import subprocess
import sys
import time

BIN = os.environ.get("OUTRIDER_BIN", "build/dev/bin")
ISSUER = "https://issuer.example"
# Where the standards leave a choice, or ask more than these libraries check.
STRICTER = {
    "token_malformed": "duplicate members, padding, spare bits, numbers that cannot be kept exactly",
    "token_critical": "b64, and crit of any kind",
    "token_claims": "exp and sub are needed; jti, groups, act and cnf have their types",
    "token_type": "typ of another kind of token",
    "token_expired": "exp has a fraction",
    "token_not_yet_valid": "nbf has a fraction",
    "token_from_future": "iat is ahead of the clock, which python3-jose does not look at",
    "token_audience": "aud is a list with something that is no text",
    "key_unknown": "kid names none of the keys",
    "token_too_large": "more than 16 KiB",
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self, alg, kid):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        self.alg, self.kid = alg, kid
        if alg.startswith("ES"):
            curve, size = (ec.SECP256R1(), 32) if alg == "ES256" else (ec.SECP384R1(), 48)
            private = ec.generate_private_key(curve)
            p = private.public_key().public_numbers()
            self.jwk = {"kty": "EC", "crv": "P-256" if size == 32 else "P-384", "x": number(p.x, size), "y": number(p.y, size)}
        else:
            private = rsa.generate_private_key(65537, 2048)
            p = private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": number(p.n), "e": number(p.e)}
        self.jwk["kid"] = kid
        self.public = private.public_key().public_bytes(serialization.Encoding.PEM,
                                                        serialization.PublicFormat.SubjectPublicKeyInfo)

        self.private = private

    def sign(self, message):
        import jwt
        return jwt.algorithms.get_default_algorithms()[self.alg].sign(message, self.private)


class Random(random.Random):
    def claims(self, now):
        c = {"iss": ISSUER, "sub": "alice", "aud": "orders", "exp": now + 300}
        for _ in range(self.choice([0, 0, 1, 1, 2])):
            name, values = self.choice([
                ("iss", [ISSUER + "/", "https://other.example", None, 7, [ISSUER]]),
                ("sub", ["bob", "", None, 7, "ünï", ["a"]]),
                ("aud", ["other", ["orders"], ["x", "orders"], [], None, 7, "", ["orders", 1], {"orders": 1}]),
                ("exp", [now - 100, now - 1, now + 1000, str(now + 300), now + 0.5, None, 10 ** 12, -1, 2.5e9, 10 ** 30]),
                ("nbf", [now - 100, now + 1000, str(now), None, now - 0.5, -1]),
                ("iat", [now - 100, now + 1000, str(now), None, 0]),
                ("jti", ["x", 7, None]),
                ("groups", [["a"], "a", [1], {}]),
                ("extra", [1, None, {"a": [1]}, "x" * 5000]),
                ("act", [{"sub": "s"}, "s"]),
            ])
            c[name] = self.choice(values)
            if self.random() < 0.1:
                del c[name]
        return c

    def header(self, key):
        h = {"alg": key.alg, "kid": key.kid}
        r = self.random()
        if r < 0.25:
            name, values = self.choice([
                ("alg", ["none", "HS256", "ES256", "RS256", "ES384", "RS512", "PS256", "xx", 7]),
                ("kid", ["other", "", "k-es256"]),
                ("typ", ["JWT", "jwt", "at+jwt", "logout+jwt", "JWS", ""]),
                ("crit", [["exp"], [], ["b64"]]),
                ("b64", [True]),
                ("jwk", [{"kty": "RSA"}]),
                ("x", [1]),
            ])
            h[name] = self.choice(values)
        return h

    def text(self, value):
        t = json.dumps(value, ensure_ascii=self.random() < 0.5)
        if self.random() < 0.03 and t.endswith("}") and len(t) > 2:
            t = t[:-1] + ',"sub":"mallory"}'
        return t.encode()

    def damage(self, token):
        r = self.random()
        if r < 0.85:
            return token
        at = self.randrange(len(token))
        return self.choice([token[:at] + self.choice("AZaz09-_.=") + token[at + 1:], token + "=", token + ".x", token[:at],
                            token[:-1] + self.choice("ABCDQg")])

    def token(self, keys, now):
        key = self.choice(keys)
        signer = key if self.random() < 0.9 else self.choice(keys)
        message = b64(self.text(self.header(key))) + "." + b64(self.text(self.claims(now)))
        return key, self.damage(message + "." + b64(signer.sign(message.encode())))


def pyjwt_takes(token, key):
    import jwt
    try:
        jwt.decode(token, key.public, algorithms=[key.alg], audience="orders", issuer=ISSUER)
        return True
    except Exception:  # whatever it raises: it did not take it
        return False


def jose_takes(token, key):
    from jose import jwt
    try:
        jwt.decode(token, key.public, algorithms=[key.alg], audience="orders", issuer=ISSUER)
        return True
    except Exception:
        return False


def main():
    seed = int(os.environ.get("JWT_PEERS_SEED", 1))
    n = int(os.environ.get("JWT_PEERS_N", 1000))
    print(f"JWT_PEERS_SEED={seed}")
    r = Random(seed)
    keys = [Key(alg, "k-" + alg.lower()) for alg in ("ES256", "ES384", "RS256", "RS512")]
    tool = subprocess.Popen([f"{BIN}/jwt-oracle-tool"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts = {"all take it": 0, "all refuse it": 0, "the gate is stricter": 0, "one peer is stricter": 0}
    failed = 0
    for _ in range(n):
        now = int(time.time())
        key, token = r.token(keys, now)
        tool.stdin.write(json.dumps({"issuer": ISSUER, "audience": "orders", "algs": [key.alg],
                                     "jwks": json.dumps({"keys": [key.jwk]}), "token": token, "now": now}) + "\n")
        tool.stdin.flush()
        reason = tool.stdout.readline().strip()
        peers = [pyjwt_takes(token, key), jose_takes(token, key)]
        if int(time.time()) != now:
            continue  # the peers read their own clock: only what was one second for all is compared
        if reason == "ok" and all(peers):
            counts["all take it"] += 1
        elif reason != "ok" and not any(peers):
            counts["all refuse it"] += 1
        elif reason != "ok" and not all(peers):
            counts["one peer is stricter"] += 1
        elif reason in STRICTER:
            counts["the gate is stricter"] += 1
        else:
            failed += 1
            print(f"DIFFERS {token}\n  gate {reason}, python3-jwt {peers[0]}, python3-jose {peers[1]}")
    tool.stdin.close()
    assert tool.wait() == 0
    print(", ".join(f"{what}: {count}" for what, count in counts.items()))
    passed = sum(counts.values())
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    try:
        import jose  # noqa: F401
        import jwt  # noqa: F401
    except ImportError:
        debian = "/usr/bin/python3"
        if os.path.exists(debian) and os.path.realpath(sys.executable) != os.path.realpath(debian):
            os.execv(debian, [debian] + sys.argv)
        print("skipped: python3-jwt and python3-jose are not installed")
        sys.exit(0)
    sys.exit(main())
