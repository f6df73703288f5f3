"""A bucket of an S3 service that the usual variables name: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_DEFAULT_REGION. It is made for a measurement and removed after it.
"""

import hashlib
import hmac
import http.client
import os
import time
import urllib.parse
import uuid
from xml.etree import ElementTree

from running import Failure

VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
EMPTY = hashlib.sha256().hexdigest()


def missing_variables():
    return [name for name in VARIABLES if not os.environ.get(name)]


class Bucket:
    """As a context manager it is there, and empty, until it is left."""

    def __init__(self):
        self.name = "varve-benchmarks-" + uuid.uuid4().hex[:12]
        self.address = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
        self.region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")

    def __enter__(self):
        self.request("PUT", "/" + self.name)
        return self

    def __exit__(self, *exception):
        self.empty()
        self.request("DELETE", "/" + self.name)

    @property
    def variables(self):
        return {name: os.environ[name] for name in VARIABLES[1:]} | {"AWS_DEFAULT_REGION": self.region}

    def empty(self):
        while names := list(self.names()):
            for name in names:
                self.request("DELETE", "/%s/%s" % (self.name, name))

    def stored_bytes(self, prefix):
        """Of all objects below a prefix; at most as many as one answer lists are asked for at a time."""
        return sum(size for _, size in self.objects(prefix))

    def names(self):
        return (name for name, _ in self.page({}))

    def objects(self, prefix):
        last = ""
        while page := self.page({"prefix": prefix + "/", "start-after": last}):
            yield from page
            last = page[-1][0]

    def page(self, query):
        answer = ElementTree.fromstring(self.request("GET", "/" + self.name, query | {"list-type": "2"}))
        space = answer.tag[:answer.tag.index("}") + 1] if answer.tag.startswith("{") else ""
        return [(one.findtext(space + "Key"), int(one.findtext(space + "Size")))
                for one in answer.findall(space + "Contents")]

    def request(self, method, path, query=None):
        """Signed with Signature Version 4, of an empty body."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = "%s/%s/s3/aws4_request" % (moment[:8], self.region)
        path, query = urllib.parse.quote(path), "&".join(
            "%s=%s" % (name, urllib.parse.quote(value, safe="")) for name, value in sorted((query or {}).items()))
        headers = {"host": self.address.netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": moment}
        signed = ";".join(headers)
        canonical = "\n".join([method, path, query, *("%s:%s" % header for header in headers.items()), "", signed, EMPTY])
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
            os.environ["AWS_ACCESS_KEY_ID"], scope, signed, hmac.digest(key, text.encode(), "sha256").hex())
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.address.netloc, timeout=60)
        try:
            connection.request(method, path + ("?" + query if query else ""), headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise Failure("%s does not answer: %s" % (self.address.netloc, error)) from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise Failure("%s %s: %d %s" % (method, path, answer.status, body[:300].decode(errors="replace")))
        return body
