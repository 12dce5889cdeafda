# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""A strict receiver of OTLP over HTTP, on the official definitions: refuses what they do not allow, and misbehaves as told."""
import base64
import gzip
import http.server
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

DEFS = "@elastic/mockotlpserver/opentelemetry/proto"
LIMIT = 4 << 20


def definitions(folder, tmp, run):
    """The modules that protoc makes of the official definitions: {path of a signal: (request, response)}."""
    out = os.path.join(tmp, "otlp-definitions")
    os.mkdir(out)
    root = os.path.join(folder, "node_modules", os.path.dirname(os.path.dirname(DEFS)))
    files = [os.path.join(d, f) for d, _, names in os.walk(os.path.join(root, "opentelemetry")) for f in names if f.endswith(".proto")]
    run("protoc", "-I", root, "--python_out=" + out, *files)
    sys.path.insert(0, out)
    sys.path.append("/usr/lib/python3/dist-packages")  # where python3-protobuf is, whichever Python runs
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as m
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as t
    return {"/v1/traces": (t.ExportTraceServiceRequest, t.ExportTraceServiceResponse),
            "/v1/metrics": (m.ExportMetricsServiceRequest, m.ExportMetricsServiceResponse)}


def official(value, key=None):
    """OTLP's JSON as that of protobuf: ids are hex in one and base64 in the other. Everything else is the same, enums as numbers."""
    if isinstance(value, dict):
        return {k: official(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [official(v, key) for v in value]
    if key in ("traceId", "spanId", "parentSpanId"):
        if value != value.lower() or len(value) != (32 if key == "traceId" else 16):
            raise ValueError("%s %r" % (key, value))
        return base64.b64encode(bytes.fromhex(value)).decode()
    if key in ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue", "count", "zeroCount", "bucketCounts") and not isinstance(value, str):
        raise ValueError("%s %r is no text" % (key, value))
    return value


def decode(defs, path, content_type, body):
    """The request; what the definitions do not know is an error."""
    request = defs[path][0]()
    if content_type == "application/x-protobuf":
        request.ParseFromString(body)
        if request.SerializeToString() != body and request.ByteSize() != len(body):
            raise ValueError("%d bytes, of which %d are known" % (len(body), request.ByteSize()))
    elif content_type == "application/json":
        from google.protobuf import json_format
        json_format.ParseDict(official(json.loads(body)), request)
    else:
        raise ValueError("Content-Type %r" % content_type)
    return request


class Receiver:
    """faults: what to do with each request in turn, then with all: a function of the handler; None: take it.

    requests: (time, path, headers, the decoded request, length of its body).
    """

    def __init__(self, defs, *faults, cert=None, port=0):
        self.defs, self.faults, self.requests, self.mistakes = defs, list(faults), [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                outer.take(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that went away
        scheme = "http"
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*cert)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = "%s://localhost:%d" % (scheme, self.server.server_address[1])
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def take(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        at, fault = time.monotonic(), self.faults.pop(0) if self.faults else None
        try:
            if h.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            elif h.headers["Content-Encoding"] is not None:
                raise ValueError("Content-Encoding %r" % h.headers["Content-Encoding"])
            if len(body) > LIMIT:
                raise ValueError("%d bytes" % len(body))
            request = decode(self.defs, h.path, h.headers["Content-Type"], body)
            self.requests.append((at, h.path, dict(h.headers), request, len(body)))
        except Exception as e:  # whatever the definitions do not allow
            self.mistakes.append("%s: %s: %s" % (h.path, type(e).__name__, e))
            reply(h, 400, str(e).encode())
            return
        if fault:
            fault(self, h)
        else:
            ok(self, h)


def reply(h, code, body=b"", content_type="text/plain", length=None, **headers):
    h.send_response(code)
    h.send_header("Content-Type", content_type)
    h.send_header("Content-Length", str(len(body) if length is None else length))
    for k, v in headers.items():
        h.send_header(k.replace("_", "-"), v)
    h.end_headers()
    h.wfile.write(body)


def ok(_, h):
    if h.headers["Content-Type"] == "application/json":
        reply(h, 200, b"{}", "application/json")
    else:
        reply(h, 200, b"", "application/x-protobuf")


def status(code, message=None, **headers):
    """An HTTP status, with a google.rpc.Status as the specification wants it."""
    def fault(_, h):
        text = (message or "").encode()
        if h.headers["Content-Type"] == "application/json":
            reply(h, code, json.dumps({"code": 3, "message": message or ""}).encode(), "application/json", **headers)
        else:
            reply(h, code, b"\x08\x03\x12" + bytes([len(text)]) + text, "application/x-protobuf", **headers)
    return fault


def partial(n, message):
    def fault(receiver, h):
        response = receiver.defs[h.path][1]()
        setattr(response.partial_success, "rejected_spans" if h.path == "/v1/traces" else "rejected_data_points", n)
        response.partial_success.error_message = message
        if h.headers["Content-Type"] == "application/json":
            from google.protobuf import json_format
            reply(h, 200, json_format.MessageToJson(response).encode(), "application/json")
        else:
            reply(h, 200, response.SerializeToString(), "application/x-protobuf")
    return fault


def drop(_, h):
    """The connection breaks before there is an answer: a reset."""
    h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    h.close_connection = True
    h.connection.close()


def truncate(_, h):
    """The answer ends before it is whole."""
    reply(h, 200, b"\x0a", "application/x-protobuf", length=100)
    h.close_connection = True


def silence(receiver, h):
    receiver.closing.wait(60)
    h.close_connection = True


def raw(body, content_type="application/x-protobuf"):
    """Taken, with an answer that is none."""
    return lambda _, h: reply(h, 200, body, content_type)


def page(_, h):
    reply(h, 404, b"<html>\n<head><title>404 Not Found</title></head></html>", "text/html")
