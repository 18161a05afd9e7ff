#!/usr/bin/env python3
"""serve.py FOLDER PORT-FILE: a folder on a free port of this machine, for tests of tools/fetch-data.sh.

A file NAME may have beside it NAME.cut, a number: then only so many bytes are sent before the connection ends. Parts of
files (Range) are served, but not in a folder with a file called whole-only.
"""
import http.server
import os
import sys

folder, port_file = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = os.path.join(folder, self.path.lstrip("/"))
        if not os.path.isfile(path):
            self.send_error(404)
            return
        with open(path, "rb") as f:
            body = f.read()
        start = 0
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and not os.path.exists(os.path.join(os.path.dirname(path), "whole-only")):
            start = int(asked[6:].split("-")[0])
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        with open(os.path.join(folder, "log"), "a") as log:
            log.write("%s from %d\n" % (self.path, start))
        end = len(body)
        if os.path.exists(path + ".cut"):
            end = min(end, start + int(open(path + ".cut").read()))
        self.wfile.write(body[start:end])

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as f:
    f.write("%d" % server.server_address[1])
os.rename(port_file + ".new", port_file)
server.serve_forever()
